// The part of package `byte` that version 1 of the wire format is written with. The package has no types of its own.
declare module 'byte' {
  class ByteBuffer {
    static allocate(capacityBytes: number): ByteBuffer;
    put(src: Buffer | number): this;
    putInt(value: number): this;
    putLong(value: number): this;
    /** A copy of the bytes written so far. */
    array(): Buffer;
  }
  export = ByteBuffer;
}
