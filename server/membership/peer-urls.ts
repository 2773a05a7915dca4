const FORM = /^(https?|unixs?):\/\/([^/?#@\s]*:\d{1,5})$/;

/**
 * URLs under which members reach each other: http, https, unix or unixs, host and port, no path.
 * `undefined` when one of them is none or the list is empty; else without doubles, sorted.
 * A URL that etcd cannot read would end its process, so this stands before every proposal.
 */
export function parsePeerUrls(urls: readonly string[]): string[] | undefined {
  const trimmed = urls.map((url) => url.trim());
  if (trimmed.length === 0) return undefined;
  for (const url of trimmed) {
    const port = FORM.exec(url)?.[2]?.split(":").at(-1);
    if (port === undefined || Number(port) > 65_535) return undefined;
  }
  return [...new Set(trimmed)].sort();
}
