const NAME = /[\w.~!$&'()*+;=-]*/;
const IN_BRACKETS = /\[[\da-fA-F:.]+(?:%25[\w.~-]+)?\]/;
const FORM = new RegExp(
  `^(https?|unixs?)(://(?:${NAME.source}|${IN_BRACKETS.source}):(\\d{1,5}))$`,
  "i",
);

/**
 * Trimmed and with the scheme in small letters, as Go reads it; `undefined` for none: http, https,
 * unix or unixs, host and port, no path. Almost all else would stop a Go member.
 */
export function readPeerUrl(text: string): string | undefined {
  const [, scheme = "", rest = "", port] = FORM.exec(text.trim()) ?? [];
  return port === undefined || Number(port) > 65_535 ? undefined : scheme.toLowerCase() + rest;
}
