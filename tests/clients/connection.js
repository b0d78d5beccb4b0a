// What cases say of connections.

/** Resolves with what a callback is given the first time; `listen` returns what ends it. */
export function told(listen) {
  return new Promise((resolve) => {
    const stop = listen((...args) => {
      stop?.();
      resolve(args);
    });
  });
}

/** What in-flight actions are rejected with when a connection is closed. */
export function closedError(line, code = 1005, reason = "") {
  const [group, rest] = reason.split(".");
  // Those of 2.0 see no more in a reason than a text.
  return line === "2.0" || rest === undefined
    ? new RegExp(`code: ${code}, reason: ${reason}\\)`)
    : { group, code: rest };
}
