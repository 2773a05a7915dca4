import { HeaderField } from "./header-field.ts";
import { decodeHuffman } from "./huffman.ts";
import { ConnectionError, ErrorCode } from "./protocol.ts";
import { STATIC_TABLE } from "./static-table.ts";

/** HTTP/2's default, which we leave as it is. */
const TABLE_BYTES_MAX = 4096;
const INTEGER_MAX = 0x0fff_ffff;

/** Where Huffman strings are unfolded, one at a time; longer ones allocate a place of their own. */
const SCRATCH: Buffer = Buffer.allocUnsafeSlow(4096);

/**
 * HPACK's receiving half (RFC 7541). It has to follow every block of the connection, also of
 * requests that are refused, or the dynamic table would part from the sender's.
 */
export class HpackDecoder {
  /** Newest last: dynamic index i is entry length - i. */
  #entries: HeaderField[] = [];
  #size = 0;
  #sizeMax = TABLE_BYTES_MAX;
  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;
  #end = 0;
  readonly #listBytesMax: number;
  /** Changes whenever the same bytes could mean something else than before. */
  generation = 0;

  /** @param listBytesMax decoded size beyond which a block's fields are dropped */
  constructor(listBytesMax: number) {
    this.#listBytesMax = listBytesMax;
  }

  /** The fields of one whole header block, undefined when they are too large together. */
  decode(bytes: Buffer, start: number, end: number): HeaderField[] | undefined {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
    const fields: HeaderField[] = [];
    let listBytes = 0;
    this.#readSizeUpdates();
    while (this.#at < end) {
      const field = this.#readField(bytes[this.#at] as number);
      listBytes += field.size;
      if (listBytes <= this.#listBytesMax) fields.push(field);
    }
    return listBytes <= this.#listBytesMax ? fields : undefined;
  }

  #readField(first: number): HeaderField {
    if (first & 0x80) return this.#lookUp(this.#readInteger(0x7f));
    if (first & 0x40) {
      const field = this.#readLiteral(0x3f);
      this.#insert(field);
      return field;
    }
    if (first & 0x20) throw compressionError("a table size update stands behind a field");
    return this.#readLiteral(0x0f);
  }

  #readSizeUpdates(): void {
    while (this.#at < this.#end && ((this.#bytes[this.#at] as number) & 0xe0) === 0x20) {
      const size = this.#readInteger(0x1f);
      if (size > TABLE_BYTES_MAX) throw compressionError("the table size is above ours");
      // What moves the limit means something else when it comes again.
      if (size !== this.#sizeMax) this.generation++;
      this.#sizeMax = size;
      this.#evict(0);
    }
  }

  #readLiteral(mask: number): HeaderField {
    const index = this.#readInteger(mask);
    if (index === 0) {
      const name = this.#readString();
      return new HeaderField(name, this.#readString());
    }
    const named = this.#lookUp(index);
    return new HeaderField(named.name, this.#readString(), named.kind);
  }

  #lookUp(index: number): HeaderField {
    const field =
      index <= STATIC_TABLE.length
        ? STATIC_TABLE[index - 1]
        : this.#entries[this.#entries.length - (index - STATIC_TABLE.length)];
    if (field === undefined) throw compressionError("an index points at no entry");
    return field;
  }

  #insert(field: HeaderField): void {
    this.#evict(field.size);
    if (field.size > this.#sizeMax) return;
    this.#entries.push(field);
    this.#size += field.size;
    this.generation++;
  }

  /** Drops the oldest entries until `room` more bytes fit. */
  #evict(room: number): void {
    let dropped = 0;
    while (dropped < this.#entries.length && this.#size + room > this.#sizeMax) {
      this.#size -= (this.#entries[dropped] as HeaderField).size;
      dropped++;
    }
    if (dropped === 0) return;
    this.#entries = this.#entries.slice(dropped);
    this.generation++;
  }

  #readInteger(mask: number): number {
    let value = (this.#bytes[this.#at++] as number) & mask;
    if (value < mask) return value;
    for (let scale = 1; ; scale *= 128) {
      if (this.#at >= this.#end) throw compressionError("an integer is cut off");
      const byte = this.#bytes[this.#at++] as number;
      value += (byte & 0x7f) * scale;
      if (value > INTEGER_MAX || scale > INTEGER_MAX)
        throw compressionError("an integer is too large");
      if (byte < 0x80) return value;
    }
  }

  #readString(): string {
    if (this.#at >= this.#end) throw compressionError("a string is missing");
    const isHuffman = (this.#bytes[this.#at] as number) >= 0x80;
    const length = this.#readInteger(0x7f);
    const start = this.#at;
    if (length > this.#end - start) throw compressionError("a string is cut off");
    this.#at = start + length;
    if (!isHuffman) return this.#bytes.toString("latin1", start, this.#at);
    // No code is shorter than five bits.
    const decodedMax = Math.ceil((length * 8) / 5);
    const target = decodedMax <= SCRATCH.length ? SCRATCH : Buffer.allocUnsafe(decodedMax);
    const decoded = decodeHuffman(this.#bytes, start, this.#at, target);
    if (decoded < 0) throw compressionError("a string is no Huffman code");
    return target.toString("latin1", 0, decoded);
  }
}

function compressionError(text: string): ConnectionError {
  return new ConnectionError(ErrorCode.COMPRESSION_ERROR, text);
}
