"use client";

import { Annotation, Compartment, EditorState, type Extension } from "@codemirror/state";
import { EditorView, lineNumbers } from "@codemirror/view";
import { useEffect, useEffectEvent, useRef } from "react";
import { cn } from "@/components/ui/class-names";
import { type CodeLanguage, codeBasics, editingBasics } from "@/components/ui/code-setup";
import { hexGutters } from "@/components/ui/hex-gutter";

interface CodeEditorProps {
  label: string;
  doc: string;
  language?: CodeLanguage;
  readOnly?: boolean;
  /** Beside the text: numbers of lines, or offsets and ASCII of hex. Fixed once it is shown. */
  numbering?: "lines" | "hex";
  onChange?: (doc: string) => void;
  className?: string;
}

const fromOutside = Annotation.define<boolean>();

/** What may change while the editor stands: a new one would lose caret, history and focus. */
const changing = new Compartment();

function changingPart(label: string, readOnly: boolean): Extension {
  return [
    EditorState.readOnly.of(readOnly),
    EditorView.contentAttributes.of({ "aria-label": label }),
  ];
}

/** Text in, text out, byte for byte: neither line ends nor anything else is normalised. */
export function CodeEditorView(props: CodeEditorProps) {
  const { doc, label, language, readOnly = false, className } = props;
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(undefined);
  const changed = useEffectEvent((next: string) => props.onChange?.(next));
  const build = useEffectEvent((parent: HTMLElement) => {
    const state = EditorState.create({
      doc,
      extensions: [
        codeBasics(language ?? "plain", doc.length, props.numbering !== "hex"),
        editingBasics(),
        props.numbering === "hex" ? hexGutters() : lineNumbers(),
        changing.of(changingPart(label, readOnly)),
        EditorView.updateListener.of((update) => {
          const isOurs = update.transactions.some((step) => step.annotation(fromOutside));
          if (update.docChanged && !isOurs) changed(update.state.sliceDoc());
        }),
      ],
    });
    return new EditorView({ state, parent });
  });

  useEffect(() => {
    if (host.current === null) return;
    const editor = build(host.current);
    view.current = editor;
    return () => editor.destroy();
  }, [language]);

  useEffect(() => {
    view.current?.dispatch({ effects: changing.reconfigure(changingPart(label, readOnly)) });
  }, [label, readOnly]);

  useEffect(() => {
    const editor = view.current;
    if (editor === undefined || editor.state.sliceDoc() === doc) return;
    editor.dispatch({
      changes: { from: 0, to: editor.state.doc.length, insert: doc },
      annotations: fromOutside.of(true),
    });
  }, [doc]);

  return <div ref={host} className={cn("@container min-h-0 overflow-hidden", className)} />;
}
