// How a server is told to stop, and how long it may take.

/** How long `stop()` waits unless told otherwise. */
export const defaultStopTimeoutMs = 5_000;

/** How long a second stop signal is taken for the first one, sent by somebody else. */
const repeatMs = 1_000;

/** Resolves when all of `work` is settled, with true, or after `timeoutMs`, with false. */
export async function settled(
  work: Iterable<unknown>,
  timeoutMs: number,
): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), timeoutMs);
  });
  const done = Promise.allSettled(work).then(() => true);
  const isSettled = await Promise.race([done, late]);
  clearTimeout(timer);
  return isSettled;
}

/** A runtime's way to listen for signals. */
export interface Signals {
  on(signal: string, listener: () => void): void;
  off(signal: string, listener: () => void): void;
}

/** Calls back at the first SIGINT or SIGTERM, as {@linkcode Adapter.onStopSignal} promises. */
export function onFirstSignal(
  signals: Signals,
  callback: (signal: string) => void,
): () => void {
  let isStopping = false;
  const stopSignals = ["SIGINT", "SIGTERM"].map((signal) => ({
    signal,
    listener: () => {
      if (isStopping) return;
      isStopping = true;
      setTimeout(end, repeatMs);
      callback(signal);
    },
  }));
  const end = () => {
    for (const { signal, listener } of stopSignals.splice(0)) {
      signals.off(signal, listener);
    }
  };
  for (const { signal, listener } of stopSignals) signals.on(signal, listener);
  return end;
}
