const NAME = /[\w.~!$&'()*+;=-]*/;
const IN_BRACKETS = /\[[\da-fA-F:.]+(?:%25[\w.~-]+)?\]/;
const FORM = new RegExp(
  `^(?:https?|unixs?)://(?:${NAME.source}|${IN_BRACKETS.source}):(\\d{1,5})$`,
);

/** http, https, unix or unixs, host and port, no path: almost all else would stop a Go member. */
export function isPeerUrl(url: string): boolean {
  const port = FORM.exec(url)?.[1];
  return port !== undefined && Number(port) <= 65_535;
}
