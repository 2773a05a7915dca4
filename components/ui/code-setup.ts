import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { json } from "@codemirror/lang-json";
import { bracketMatching, HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { EditorState, type Extension } from "@codemirror/state";
import { drawSelection, EditorView, highlightSpecialChars, keymap } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { styleNonce } from "@/components/ui/style-nonce";
import { encodeUtf8, formatKey } from "@/lib/browser/key-text";

export type CodeLanguage = "json" | "plain";

const theme = EditorView.theme({
  "&": { height: "100%", fontSize: "12.5px", backgroundColor: "transparent", color: "var(--ink)" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "var(--font-mono)", lineHeight: "20px", overflow: "auto" },
  ".cm-content": { padding: "8px 0", caretColor: "var(--ink)" },
  ".cm-line": { padding: "0 12px 0 8px" },
  ".cm-gutters": { backgroundColor: "transparent", border: "none", color: "var(--ink-3)" },
  ".cm-lineNumbers .cm-gutterElement": { padding: "0 4px 0 12px", minWidth: "40px" },
  ".cm-ascii": { color: "var(--ink-3)", padding: "0 16px", whiteSpace: "pre" },
  ".cm-cursor": { borderLeftColor: "var(--ink)", borderLeftWidth: "1.5px" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground":
    { backgroundColor: "color-mix(in oklch, var(--accent) 24%, transparent)" },
  "&.cm-focused .cm-matchingBracket": {
    backgroundColor: "var(--accent-soft)",
    outline: "1px solid var(--accent-line)",
  },
  ".cm-specialChar": { color: "var(--bad)" },
  ".cm-deletedChunk, &.cm-merge-a .cm-changedLine": { backgroundColor: "var(--bad-soft)" },
  "&.cm-merge-b .cm-changedLine": { backgroundColor: "var(--good-soft)" },
  "&.cm-merge-a .cm-changedText": { background: "var(--bad-line)" },
  "&.cm-merge-b .cm-changedText": { background: "var(--good-line)" },
  // On these grounds the colours of the syntax would be too faint to read.
  ".cm-changedText, .cm-changedText span": { color: "var(--ink)" },
  ".cm-collapsedLines": {
    background: "var(--sunken)",
    color: "var(--ink-3)",
    padding: "2px 12px",
  },
  ".cm-changeGutter": { width: "3px", paddingLeft: "0" },
  "&.cm-merge-a .cm-changedLineGutter": { background: "var(--bad-fill)" },
  "&.cm-merge-b .cm-changedLineGutter": { background: "var(--good-fill)" },
});

const highlighting = HighlightStyle.define([
  { tag: tags.propertyName, color: "var(--syntax-name)" },
  { tag: tags.string, color: "var(--syntax-text)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--syntax-number)" },
  { tag: [tags.punctuation, tags.separator], color: "var(--ink-3)" },
]);

/** Beyond this, colouring and wrapping cost more than they help. */
const RICH_CHARACTERS_MAX = 1_000_000;

/** What viewers and editors share. Only a line feed ends a line: a value's "\r" is data. */
export function codeBasics(language: CodeLanguage, length: number, wraps = true): Extension[] {
  const isRich = length <= RICH_CHARACTERS_MAX;
  return [
    EditorState.lineSeparator.of("\n"),
    EditorState.tabSize.of(2),
    nonceExtension(),
    theme,
    highlightSpecialChars({ render: renderSpecial }),
    drawSelection(),
    ...(isRich && wraps ? [EditorView.lineWrapping] : []),
    ...(isRich && language === "json" ? [json(), syntaxHighlighting(highlighting)] : []),
  ];
}

/** The notation of keys, also for what no font has a glyph for. */
function renderSpecial(code: number, description: string | null): HTMLElement {
  const mark = document.createElement("span");
  mark.className = "cm-specialChar";
  mark.textContent = formatKey(encodeUtf8(String.fromCodePoint(code)));
  mark.setAttribute("aria-label", description ?? "special character");
  return mark;
}

/** Tab is left alone, so that the keyboard can leave the editor. */
export function editingBasics(): Extension[] {
  return [history(), bracketMatching(), keymap.of([...defaultKeymap, ...historyKeymap])];
}

function nonceExtension(): Extension {
  const nonce = styleNonce();
  return nonce === undefined ? [] : EditorView.cspNonce.of(nonce);
}
