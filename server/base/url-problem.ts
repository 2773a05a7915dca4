/** What Go's URL parser says of a text that it cannot read; nothing where it can. */
export function urlProblem(text: string): string | undefined {
  const problem = partProblem(text);
  return problem === undefined ? undefined : `parse ${JSON.stringify(text)}: ${problem}`;
}

function partProblem(text: string): string | undefined {
  if (text.startsWith(":")) return "missing protocol scheme";
  const [, authority] = /^[a-z][a-z0-9+.-]*:(?:\/\/([^/?#]*))?/i.exec(text) ?? [undefined, null];
  // Without a scheme it is a path.
  if (authority === null) {
    return /^[^/?#]*:/.test(text) ? "first path segment in URL cannot contain colon" : undefined;
  }
  return authority === undefined ? undefined : authorityProblem(authority);
}

/** What it would say of host and port. */
function authorityProblem(authority: string): string | undefined {
  const host = authority.slice(authority.lastIndexOf("@") + 1);
  if (host.startsWith("[") && !host.includes("]")) return "missing ']' in host";
  const odd = /[\s<>"\\^`{|}]/.exec(host)?.[0];
  if (odd !== undefined) return `invalid character ${JSON.stringify(odd)} in host name`;
  const afterHost = host.startsWith("[") ? host.slice(host.indexOf("]") + 1) : host;
  const colon = host.startsWith("[") ? 0 : afterHost.lastIndexOf(":");
  const port = colon < 0 ? "" : afterHost.slice(colon);
  if (/^(:\d*)?$/.test(port)) return undefined;
  return `invalid port ${JSON.stringify(port)} after host`;
}
