// Cross-origin access: any origin may call, with credentials; an actor that minds checks the origin
// of `c.request` in `onBeforeConnect`.
//
// Only browsers look at these headers, and they say their origin with whatever they send across
// origins. So an answer to a POST without one goes without: nobody reads it but who has asked, and
// each header costs more than the action. Other answers may be kept for somebody else.

const methods = "GET, POST, PUT, DELETE, OPTIONS, PATCH";

// A browser asks again after a day.
const maxAgeSeconds = "86400";

/** The answer to a preflight request. */
export function answerPreflight(request: Request): Response {
  const headers = new Headers({
    "access-control-allow-methods": methods,
    "access-control-allow-headers":
      request.headers.get("access-control-request-headers") ?? "*",
    "access-control-max-age": maxAgeSeconds,
  });
  return allowOrigin(new Response(null, { status: 204, headers }), request);
}

/** Lets the origin of the request read the response, unless that says itself who may. */
export function allowOrigin(response: Response, request: Request): Response {
  const origin = request.headers.get("origin");
  if (origin === null && request.method === "POST") return response;
  const { headers } = response;
  if (headers.has("access-control-allow-origin")) return response;
  headers.set("access-control-allow-origin", origin ?? "*");
  headers.set("access-control-allow-credentials", "true");
  headers.set("access-control-expose-headers", "*");
  if (origin !== null) headers.append("vary", "Origin");
  return response;
}
