/**
 * The few lines of protocol buffers that a GraphDef needs, written straight into bytes: field numbers are those of
 * TensorFlow's `node_def.proto`, `attr_value.proto`, `tensor.proto` and `saved_model.proto`.
 */

const VARINT = 0;
const BYTES = 2;
const FIXED32 = 5;

/** One message under construction. */
export class Message {
  private buffer = Buffer.allocUnsafe(64);
  private length = 0;

  private room(bytes: number): void {
    if (this.length + bytes <= this.buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(2 * this.buffer.length, this.length + bytes));
    this.buffer.copy(larger, 0, 0, this.length);
    this.buffer = larger;
  }

  private raw(value: number): void {
    this.room(10);
    if (value < 0 || value > Number.MAX_SAFE_INTEGER) {
      // Two's complement of 64 bits, as int64 and enums are written.
      let rest = BigInt.asUintN(64, BigInt(value));
      for (; rest > 127n; rest >>= 7n) this.buffer[this.length++] = Number(rest & 127n) | 128;
      this.buffer[this.length++] = Number(rest);
      return;
    }
    let rest = value;
    for (; rest > 127; rest = Math.floor(rest / 128)) this.buffer[this.length++] = (rest % 128) | 128;
    this.buffer[this.length++] = rest;
  }

  int(field: number, value: number): this {
    this.raw(field * 8 + VARINT);
    this.raw(value);
    return this;
  }

  bool(field: number, value: boolean): this {
    return this.int(field, value ? 1 : 0);
  }

  float(field: number, value: number): this {
    this.raw(field * 8 + FIXED32);
    this.room(4);
    this.length = this.buffer.writeFloatLE(value, this.length);
    return this;
  }

  bytes(field: number, value: Uint8Array): this {
    this.raw(field * 8 + BYTES);
    this.raw(value.length);
    this.room(value.length);
    this.buffer.set(value, this.length);
    this.length += value.length;
    return this;
  }

  text(field: number, value: string): this {
    return this.bytes(field, Buffer.from(value));
  }

  message(field: number, value: Message): this {
    return this.bytes(field, value.finish());
  }

  /** The bytes so far; valid until the next write. */
  finish(): Uint8Array {
    return this.buffer.subarray(0, this.length);
  }
}
