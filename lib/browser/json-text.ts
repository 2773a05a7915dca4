// JSON is re-indented token by token and never through numbers or objects: 2^63, 1.0, repeated
// names and their order all survive. JSON.parse only judges.

const INDENT = "  ";
/** Text beyond this is shown as it is. */
export const JSON_FORMAT_BYTES_MAX = 4 * 1024 * 1024;

export type JsonCheck = { readonly ok: true } | { readonly ok: false; readonly error: string };

export function checkJson(text: string): JsonCheck {
  try {
    JSON.parse(text);
    return { ok: true };
  } catch (error) {
    const reason = error instanceof Error ? error.message : "This is not JSON.";
    const at = /position (\d+)/.exec(reason)?.[1];
    if (at === undefined || /line \d+/.test(reason)) return { ok: false, error: reason };
    return { ok: false, error: `${reason} (${placeOf(text, Number(at))})` };
  }
}

function placeOf(text: string, offset: number): string {
  const before = text.slice(0, offset);
  const line = before.split("\n").length;
  return `line ${line}, column ${offset - before.lastIndexOf("\n")}`;
}

const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g;

/** Two spaces a level. `text` must have passed checkJson. */
export function formatJson(text: string): string {
  let depth = 0;
  const parts: string[] = [];
  const tokens = text.match(TOKEN) ?? [];
  const newLine = () => parts.push("\n", INDENT.repeat(depth));
  for (let at = 0; at < tokens.length; at += 1) {
    const token = tokens[at] ?? "";
    const next = tokens[at + 1];
    if (token === "{" || token === "[") {
      parts.push(token);
      if (next === "}" || next === "]") {
        parts.push(next);
        at += 1;
      } else {
        depth += 1;
        newLine();
      }
    } else if (token === "}" || token === "]") {
      depth -= 1;
      newLine();
      parts.push(token);
    } else if (token === ",") {
      parts.push(token);
      newLine();
    } else parts.push(token === ":" ? ": " : token);
  }
  return parts.join("");
}

/** Without any white space between tokens. `text` must have passed checkJson. */
export function minifyJson(text: string): string {
  return (text.match(TOKEN) ?? []).join("");
}

/** On one line, a space behind commas and colons, as Python writes it. As for minifyJson. */
export function spacedJson(text: string): string {
  const tokens = text.match(TOKEN) ?? [];
  return tokens.map((token) => (token === "," || token === ":" ? `${token} ` : token)).join("");
}
