/** Sums over a row of numbers that change one at a time (Fenwick tree): O(log n) for both. */
export class CountTree {
  #sums = new Float64Array(1);

  /** Starts over with `length` numbers. */
  rebuild(length: number, countAt: (position: number) => number): void {
    const sums = new Float64Array(length + 1);
    for (let i = 1; i <= length; i++) {
      sums[i] = (sums[i] as number) + countAt(i - 1);
      const parent = i + (i & -i);
      if (parent <= length) sums[parent] = (sums[parent] as number) + (sums[i] as number);
    }
    this.#sums = sums;
  }

  add(position: number, difference: number): void {
    const sums = this.#sums;
    for (let i = position + 1; i < sums.length; i += i & -i) {
      sums[i] = (sums[i] as number) + difference;
    }
  }

  /** Sum of the numbers before `position`. */
  before(position: number): number {
    let sum = 0;
    for (let i = position; i > 0; i -= i & -i) sum += this.#sums[i] as number;
    return sum;
  }
}
