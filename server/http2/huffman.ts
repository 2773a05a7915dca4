// HPACK's Huffman code (RFC 7541, appendix B), decoded four bits a step.
//
// The code is canonical: ordered by length, then by symbol, every code is its predecessor plus one.
// So the lengths alone say everything. A state is an inner node of the code's tree; one table entry
// says where four more bits lead and which symbol they complete on the way: at most one, because no
// code is shorter than five bits.
import { assert } from "../base/assert.ts";

/** Bits of the code of symbol 0, 1, … 255 and of EOS, 256. */
const LENGTHS: readonly number[] = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28,
  28, 28, 28, 28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5,
  6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
  7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6,
  7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23,
  23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22,
  22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22,
  23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27,
  27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25,
  24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30,
];
const EOS = 256;
/** Padding is the beginning of EOS, all ones, and shorter than a byte. */
const PADDING_BITS_MAX = 7;

const SYMBOL_SHIFT = 9;
const STATE_MASK = (1 << SYMBOL_SHIFT) - 1;
const NO_SYMBOL = 0;
const FAILED = -1;

const { steps: STEPS, isPadding: IS_PADDING } = buildTables();

/**
 * Decodes bytes[start, end) to `target`, which must hold 8/5 of them, and returns the length; -1
 * when they are not a Huffman string.
 */
export function decodeHuffman(bytes: Buffer, start: number, end: number, target: Buffer): number {
  let state = 0;
  let length = 0;
  for (let at = start; at < end; at++) {
    const byte = bytes[at] as number;
    const high = STEPS[(state << 4) | (byte >> 4)] as number;
    if (high === FAILED) return -1;
    if (high >> SYMBOL_SHIFT !== NO_SYMBOL) target[length++] = (high >> SYMBOL_SHIFT) - 1;
    const low = STEPS[((high & STATE_MASK) << 4) | (byte & 15)] as number;
    if (low === FAILED) return -1;
    if (low >> SYMBOL_SHIFT !== NO_SYMBOL) target[length++] = (low >> SYMBOL_SHIFT) - 1;
    state = low & STATE_MASK;
  }
  return IS_PADDING[state] === 1 ? length : -1;
}

/** Child of inner node n at 2n + bit: 0 is none, above 0 an inner node, below 0 symbol -1 - child. */
function buildTree(): number[] {
  const tree = [0, 0];
  let code = 0;
  let codeBits = 0;
  const order = LENGTHS.map((length, symbol) => ({ length, symbol }));
  order.sort((a, b) => a.length - b.length || a.symbol - b.symbol);
  for (const { length, symbol } of order) {
    code *= 2 ** (length - codeBits);
    codeBits = length;
    let node = 0;
    for (let bit = length - 1; bit > 0; bit--) {
      const at = 2 * node + ((code >>> bit) & 1);
      const child = tree[at] as number;
      assert(child >= 0, "one Huffman code begins another");
      node = child === 0 ? tree.push(0, 0) / 2 - 1 : child;
      tree[at] = node;
    }
    tree[2 * node + (code & 1)] = -1 - symbol;
    code++;
  }
  assert(code === 2 ** codeBits && !tree.includes(0, 2), "the Huffman code is complete");
  return tree;
}

function buildTables(): { steps: Int32Array; isPadding: Uint8Array } {
  const tree = buildTree();
  const states = tree.length / 2;
  assert(states <= STATE_MASK, "a state fits its field");
  const steps = new Int32Array(states * 16);
  for (let state = 0; state < states; state++) {
    for (let nibble = 0; nibble < 16; nibble++)
      steps[16 * state + nibble] = step(tree, state, nibble);
  }
  const isPadding = new Uint8Array(states);
  for (let state = 0, bits = 0; bits <= PADDING_BITS_MAX; bits++) {
    isPadding[state] = 1;
    state = tree[2 * state + 1] as number;
  }
  return { steps, isPadding };
}

function step(tree: readonly number[], from: number, nibble: number): number {
  let state = from;
  let emitted = NO_SYMBOL;
  for (let bit = 3; bit >= 0; bit--) {
    const child = tree[2 * state + ((nibble >> bit) & 1)] as number;
    if (child > 0) {
      state = child;
    } else {
      const symbol = -1 - child;
      if (symbol === EOS) return FAILED;
      emitted = symbol + 1;
      state = 0;
    }
  }
  return (emitted << SYMBOL_SHIFT) | state;
}
