import type { Extension, Text } from "@codemirror/state";
import { EditorView, GutterMarker, gutter } from "@codemirror/view";

// Beside hex: the offset of each line's first byte, and what its bytes are as ASCII. Lines may be
// edited to any length, so offsets are counted, once per document.

class Label extends GutterMarker {
  readonly #text: string;

  constructor(text: string) {
    super();
    this.#text = text;
  }

  override eq(other: Label): boolean {
    return this.#text === other.#text;
  }

  override toDOM(): Node {
    return document.createTextNode(this.#text);
  }
}

const offsets = new WeakMap<Text, number[]>();

function offsetsOf(doc: Text): number[] {
  const known = offsets.get(doc);
  if (known !== undefined) return known;
  const starts: number[] = [];
  let digits = 0;
  for (const line of doc.iterLines()) {
    starts.push(Math.floor(digits / 2));
    digits += line.replace(/\s+/g, "").length;
  }
  offsets.set(doc, starts);
  return starts;
}

function asciiOf(line: string): string {
  let text = "";
  for (const [pair] of line.replace(/\s+/g, "").matchAll(/[0-9a-fA-F]{2}/g)) {
    const byte = Number.parseInt(pair, 16);
    text += byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "·";
  }
  return text;
}

export function hexGutters(): Extension {
  return [
    // The ASCII column stands beside the bytes, not at the far edge. Where sixteen bytes and their
    // letters do not fit, both go over to the next line after eight, and so stay side by side.
    EditorView.theme({
      ".cm-content": { flexGrow: "0 !important" },
      ".cm-gutters": { backgroundColor: "var(--raised) !important" },
      "@container (max-width: 610px)": {
        ".cm-content": { width: "calc(24ch + 21px)", whiteSpace: "break-spaces" },
        ".cm-line": { wordBreak: "normal", overflowWrap: "anywhere" },
        ".cm-ascii .cm-gutterElement": {
          width: "calc(8ch + 1px)",
          overflow: "hidden",
          whiteSpace: "break-spaces",
          wordBreak: "break-all",
        },
      },
    }),
    gutter({
      class: "cm-lineNumbers",
      lineMarker: (view, block) => {
        const { doc } = view.state;
        const offset = offsetsOf(doc)[doc.lineAt(block.from).number - 1] ?? 0;
        return new Label(offset.toString(16).padStart(6, "0"));
      },
      lineMarkerChange: (update) => update.docChanged,
    }),
    gutter({
      class: "cm-ascii",
      side: "after",
      lineMarker: (view, block) => new Label(asciiOf(view.state.doc.lineAt(block.from).text)),
      lineMarkerChange: (update) => update.docChanged,
    }),
  ];
}
