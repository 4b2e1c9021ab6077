// What the wire format throws when bytes are not what the specification allows. The error carries the first received bytes, from
// which the owner of the socket can say what kind of stranger is at the other end.

/** How many of the first bytes of a stranger are kept for the error sentence. */
const HEARD_BYTES = 48;

export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
  /** The first bytes of the offending frame, printable, at most 48. */
  readonly heard: string;

  constructor(message: string, heard: Buffer) {
    super(message);
    this.heard = printable(heard);
  }
}

/** Bytes as a quoted ASCII string; what cannot be printed becomes `\xNN`. */
export function printable(bytes: Buffer): string {
  let text = '';
  for (const byte of bytes.subarray(0, HEARD_BYTES)) {
    text += byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`;
  }
  return `"${text}${bytes.length > HEARD_BYTES ? '…' : ''}"`;
}
