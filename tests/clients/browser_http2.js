// The server of the page with HTTP/2, which browsers speak over TLS alone.

import { answerPage, registry } from "./browser_actors.ts";

const hostname = "127.0.0.1";
const port = 0;

function answer(request, info) {
  const { pathname } = new URL(request.url);
  return pathname.startsWith("/api/rivet/")
    ? registry.handler(request, info)
    : answerPage();
}

// Signed by itself, for localhost, and trusted by nobody.
const cert = `-----BEGIN CERTIFICATE-----
MIIBmjCCAUGgAwIBAgIUMmhCvjuqQJFiwmAoGjjVRfnpzUcwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMjIwMjgwMFoYDzIxMjYxMDI5
MjAyODAwWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAQ24WFTQLfiqkOR7372Q0q1P0vKlt3XHVuSHa+XvOwydLR3+2dNCZj4
1b+IsxXYH7udHZ4Fv58Hvwul+sandW8Po28wbTAdBgNVHQ4EFgQUm6LK63wNYTnX
8a2aSck6GP7YbC8wHwYDVR0jBBgwFoAUm6LK63wNYTnX8a2aSck6GP7YbC8wDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
zj0EAwIDRwAwRAIgUKhlt0Qh9uuyDDO38CsBCRcsUm9/h4/c4JLkjYwLYeECIDni
ILuqzXMmFUEOfS6b7dlLcI7SKsjCt771PBDZZSlR
-----END CERTIFICATE-----
`;
const key = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgnXQwxtHQIBy0nfOQ
X83hDvjzN7EUNwZnPITT5bs2uLKhRANCAAQ24WFTQLfiqkOR7372Q0q1P0vKlt3X
HVuSHa+XvOwydLR3+2dNCZj41b+IsxXYH7udHZ4Fv58Hvwul+sandW8P
-----END PRIVATE KEY-----
`;

if ("Deno" in globalThis) {
  Deno.serve({
    hostname,
    port,
    cert,
    key,
    onListen: ({ port }) => welcome(port),
  }, answer);
} else {
  const server = Bun.serve({
    hostname,
    port,
    tls: { cert, key },
    http2: true,
    fetch: answer,
    websocket: registry.websocket,
  });
  welcome(server.port);
}

function welcome(port) {
  console.log(`It listens at https://127.0.0.1:${port}/api/rivet`);
}
