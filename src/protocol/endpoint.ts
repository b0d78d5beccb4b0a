// The URL of a server, as a client or a registry is told it: `https://namespace:token@host/path`.

/** A server, and who we are to it. */
export interface GivenEndpoint {
  /** The URL of the server, without credentials and without a slash at the end. */
  url: string;
  /** `undefined` where none is given. */
  namespace: string | undefined;
  /** `undefined` where none is given. */
  token: string | undefined;
}

/** Throws the error of an endpoint that cannot be used. The reason never holds a token. */
export type Refuse = (why: string) => never;

/**
 * Reads the URL of a server. Namespace and token stand in it, percent-encoded, or beside it.
 * Refuses what is no URL of http or https, a query or fragment, a token without a namespace, and
 * what is given twice.
 */
export function readEndpoint(
  text: string,
  beside: { namespace?: string | undefined; token?: string | undefined },
  refuse: Refuse,
): GivenEndpoint {
  if (!URL.canParse(text)) refuse("it is not a URL");
  const url = new URL(text);
  if (!/^https?:$/.test(url.protocol)) refuse("it is not http: or https:");
  if (url.search || url.hash) refuse("it has a query or a fragment");
  const namespace = decode(url.username, refuse);
  const token = decode(url.password, refuse);
  if (token && !namespace) refuse("it has a token, but no namespace");
  if (namespace && beside.namespace) refuse("the namespace is given twice");
  if (token && beside.token) refuse("the token is given twice");
  const path = url.pathname.replace(/\/+/g, "/").replace(/\/$/, "");
  return {
    url: url.origin + path,
    namespace: namespace || beside.namespace || undefined,
    token: token || beside.token || undefined,
  };
}

function decode(text: string, refuse: Refuse): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return refuse("its namespace or token is not percent-encoded");
  }
}
