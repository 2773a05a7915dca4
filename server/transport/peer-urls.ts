import { readPeerUrl } from "../base/peer-url.ts";

/** The addresses of one peer, those that can be dialed; whoever fails on one moves all channels to the next. */
export class PeerUrls {
  #urls: readonly string[];
  #picked = 0;

  constructor(urls: readonly string[]) {
    this.#urls = dialable(urls);
  }

  get all(): readonly string[] {
    return this.#urls;
  }

  pick(): string | undefined {
    return this.#urls[this.#picked];
  }

  failed(url: string): void {
    if (this.pick() === url) this.#picked = (this.#picked + 1) % this.#urls.length;
  }

  replace(urls: readonly string[]): void {
    this.#urls = dialable(urls);
    this.#picked = 0;
  }
}

/** As they are tried. */
function dialable(urls: readonly string[]): readonly string[] {
  return urls
    .map(readPeerUrl)
    .filter((url) => url !== undefined)
    .sort();
}
