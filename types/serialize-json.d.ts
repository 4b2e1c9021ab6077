// Package `serialize-json` has no types of its own.
declare module 'serialize-json' {
  export function encode(value: unknown): Buffer;
  export function decode(bytes: Buffer): unknown;
}
