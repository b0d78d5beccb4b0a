const maxReasonBytes = 123;

/** The start of a reason that a close frame has room for; no character is cut in half. */
export function cutReason(reason: string): string {
  const bytes = new TextEncoder().encode(reason);
  if (bytes.length <= maxReasonBytes) return reason;
  return new TextDecoder().decode(bytes.subarray(0, maxReasonBytes))
    .replace(/\ufffd+$/, "");
}
