import { assert, must } from "../base/assert.ts";

// The older revisions of all keys that have more than one, in a few large number arrays instead of
// an object per key: a million histories cost the garbage collector nothing.
//
//   handle = class and number of a chunk; 0 is the empty history
//   chunk of class c (4 << c numbers):  [ first, end, main, tail, main, tail, ... ]
//                                          entries first..end-1, ascending
//
// A chunk that is full moves to the next larger class; dropping from the front only moves `first`,
// until three quarters are unused. Small chunks share pages; a chunk from 4096 numbers on is a page
// of its own, which goes back to the collector when freed.

const PAGE_NUMBERS = 4096;
const CHUNK_BITS = 27;
const CHUNKS_MAX = 2 ** CHUNK_BITS;
const CHUNK_MASK = CHUNKS_MAX - 1;
const HEADER = 2;

/** `tail` is sub * 2, plus 1 for a tombstone. */
export function isTombstoneTail(tail: number): boolean {
  return tail % 2 === 1;
}

export function tailOf(sub: number, isTombstone: boolean): number {
  return sub * 2 + (isTombstone ? 1 : 0);
}

export function subOfTail(tail: number): number {
  return Math.floor(tail / 2);
}

interface SizeClass {
  readonly chunkNumbers: number;
  /** Pages hold 2 ^ pageBits chunks. */
  readonly pageBits: number;
  readonly capacity: number;
  readonly pages: (Float64Array | undefined)[];
  readonly free: number[];
  used: number;
}

export class RevisionArena {
  readonly #classes: SizeClass[] = [];
  // Where the chunk that was located last stands.
  #page: Float64Array = new Float64Array(0);
  #base = 0;

  /** Adds a revision newer than all in the history; the history's new handle. */
  append(handle: number, main: number, tail: number): number {
    let target = handle;
    if (handle === 0) target = this.#allocate(0);
    else this.#locate(handle);
    let end = this.#page[this.#base + 1] as number;
    if (end === this.#classOf(target).capacity) {
      target = this.#move(target);
      end = this.#page[this.#base + 1] as number;
    }
    const at = this.#base + HEADER + end * 2;
    this.#page[at] = main;
    this.#page[at + 1] = tail;
    this.#page[this.#base + 1] = end + 1;
    return target;
  }

  count(handle: number): number {
    if (handle === 0) return 0;
    this.#locate(handle);
    return (this.#page[this.#base + 1] as number) - (this.#page[this.#base] as number);
  }

  main(handle: number, position: number): number {
    return this.#page[this.#entry(handle, position)] as number;
  }

  tail(handle: number, position: number): number {
    return this.#page[this.#entry(handle, position) + 1] as number;
  }

  /** Position of the newest revision with main ≤ `revision`, -1 when all are newer. */
  floor(handle: number, revision: number): number {
    if (handle === 0) return -1;
    this.#locate(handle);
    const page = this.#page;
    const first = page[this.#base] as number;
    const entries = this.#base + HEADER;
    let low = first;
    let high = page[this.#base + 1] as number;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((page[entries + middle * 2] as number) <= revision) low = middle + 1;
      else high = middle;
    }
    return low - first - 1;
  }

  /** Forgets the `dropped` oldest; the history's new handle, 0 when nothing is left. */
  dropOldest(handle: number, dropped: number): number {
    if (dropped === 0 || handle === 0) return handle;
    this.#locate(handle);
    const first = (this.#page[this.#base] as number) + dropped;
    const left = (this.#page[this.#base + 1] as number) - first;
    assert(left >= 0, "no more revisions are dropped than there are");
    if (left === 0) {
      this.free(handle);
      return 0;
    }
    this.#page[this.#base] = first;
    const isSparse = left * 4 <= this.#classOf(handle).capacity;
    return isSparse ? this.#move(handle) : handle;
  }

  free(handle: number): void {
    if (handle === 0) return;
    const sizeClass = this.#classOf(handle);
    const chunk = chunkOf(handle);
    if (sizeClass.pageBits === 0) sizeClass.pages[chunk] = undefined;
    sizeClass.free.push(chunk);
  }

  /** Bytes of all pages. */
  get sizeBytes(): number {
    let numbers = 0;
    for (const { pages } of this.#classes) {
      for (const page of pages) numbers += page?.length ?? 0;
    }
    return numbers * 8;
  }

  /** Copies into the smallest chunk with room for one more; that one is located afterwards. */
  #move(handle: number): number {
    this.#locate(handle);
    const from = this.#page;
    const first = from[this.#base] as number;
    const end = from[this.#base + 1] as number;
    const entries = this.#base + HEADER;
    let classNumber = 0;
    while (((4 << classNumber) - HEADER) / 2 <= end - first) classNumber++;
    const target = this.#allocate(classNumber);
    const moved = from.subarray(entries + first * 2, entries + end * 2);
    this.#page.set(moved, this.#base + HEADER);
    this.#page[this.#base + 1] = end - first;
    this.free(handle);
    return target;
  }

  #allocate(classNumber: number): number {
    while (this.#classes.length <= classNumber) this.#classes.push(newClass(this.#classes.length));
    const sizeClass = must(this.#classes[classNumber], "the class was just made");
    const chunk = sizeClass.free.pop() ?? sizeClass.used++;
    assert(chunk < CHUNKS_MAX, "histories fit in the arena");
    const handle = classNumber * CHUNKS_MAX + chunk + 1;
    const { chunkNumbers, pageBits, pages } = sizeClass;
    pages[chunk >>> pageBits] ??= new Float64Array(chunkNumbers << pageBits);
    this.#locate(handle);
    this.#page[this.#base] = 0;
    this.#page[this.#base + 1] = 0;
    return handle;
  }

  #classOf(handle: number): SizeClass {
    return this.#classes[(handle - 1) >>> CHUNK_BITS] as SizeClass;
  }

  #locate(handle: number): void {
    const sizeClass = this.#classOf(handle);
    const chunk = chunkOf(handle);
    const { pageBits } = sizeClass;
    this.#page = sizeClass.pages[chunk >>> pageBits] as Float64Array;
    this.#base = (chunk & ((1 << pageBits) - 1)) * sizeClass.chunkNumbers;
  }

  #entry(handle: number, position: number): number {
    this.#locate(handle);
    return this.#base + HEADER + ((this.#page[this.#base] as number) + position) * 2;
  }
}

function chunkOf(handle: number): number {
  return (handle - 1) & CHUNK_MASK;
}

function newClass(classNumber: number): SizeClass {
  const chunkNumbers = 4 << classNumber;
  return {
    chunkNumbers,
    pageBits: Math.log2(Math.max(1, PAGE_NUMBERS / chunkNumbers)),
    capacity: (chunkNumbers - HEADER) / 2,
    pages: [],
    free: [],
    used: 0,
  };
}
