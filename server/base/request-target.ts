/** What a request asks for, by its first line. */
export interface RequestTarget {
  /** Host and port, of an absolute target; empty where it names none. */
  readonly authority: string;
  /**
   * Empty where an absolute target ends with its authority. Percent signs are decoded, unless what
   * they stand for is no text: nothing has such a name.
   */
  readonly path: string;
  /** With its question mark; empty without one. */
  readonly query: string;
}

const ABSOLUTE = /^[a-z][a-z0-9+.-]*:\/\/(?:[^/?@]*@)?([^/?]*)/i;
/** As Go reads it: a host or an address in brackets, and behind the last colon a port. */
const AUTHORITY =
  /^(?:\[[\w\-.~!$&'()*+,;=:<>"%]*\](?::\d*)?|[\w\-.~!$&'()*+,;=:<>"]*:\d*|[\w\-.~!$&'()*+,;=<>"]*)$/;
const BROKEN_ESCAPE = /%(?![0-9a-f]{2})/i;

/** Undefined for what is no target. */
export function parseTarget(target: string): RequestTarget | undefined {
  const [before = "", authority = ""] = ABSOLUTE.exec(target) ?? [];
  const rest = target.slice(before.length);
  const mark = rest.indexOf("?");
  const path = mark < 0 ? rest : rest.slice(0, mark);
  const query = mark < 0 ? "" : rest.slice(mark);
  if (!AUTHORITY.test(authority) || BROKEN_ESCAPE.test(path)) return undefined;
  if (before === "" && !path.startsWith("/")) return undefined;
  return { authority, path: decoded(path), query };
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
