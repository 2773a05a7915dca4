"use client";

import { useVirtualizer } from "@tanstack/react-virtual";
import {
  type KeyboardEvent,
  type MouseEvent,
  useEffect,
  useId,
  useMemo,
  useRef,
  useState,
} from "react";
import { ROW_PIXELS, TreeRowView } from "@/components/keys/tree-row-view";
import { formatKey } from "@/lib/browser/key-text";
import { treeAct } from "@/lib/browser/tree-keyboard";
import {
  type FolderRow,
  type KeyRow,
  type NoteRow,
  type TreeRow,
  typeAhead,
} from "@/lib/browser/tree-rows";
import { decodeBase64 } from "@/lib/schema/bytes";

const OVERSCAN_ROWS = 16;
/** Letters typed within this time belong to one name. */
const TYPED_MS = 700;

export type NamedRow = FolderRow | KeyRow;

export interface RowMenuAt {
  readonly row: NamedRow;
  readonly x: number;
  readonly y: number;
}

interface TreeListProps {
  label: string;
  rows: readonly TreeRow[];
  separator: string;
  /** The row that the page shows: its id. */
  selected: string | null;
  /** Keys with unsaved edits, in base64. */
  edited: ReadonlySet<string>;
  onOpen: (folder: string) => void;
  onClose: (folder: string) => void;
  onLoadMore: (note: NoteRow) => void;
  onChoose: (row: NamedRow) => void;
  onMenu: (at: RowMenuAt) => void;
}

/** Only the rows in view exist in the page; the list has one tab stop and moves a cursor within. */
export function TreeList(props: TreeListProps) {
  const { label, rows, separator, selected, edited, onLoadMore, onMenu } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const domId = useId();
  const [cursor, setCursor] = useState<string | null>(null);
  const indexOf = useMemo(() => new Map(rows.map((row, at) => [row.id, at])), [rows]);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PIXELS,
    overscan: OVERSCAN_ROWS,
  });
  const items = virtual.getVirtualItems();
  const cursorAt = indexOf.get(cursor ?? selected ?? "") ?? -1;

  const moveTo = (at: number) => {
    setCursor(rows[at]?.id ?? null);
    virtual.scrollToIndex(at);
  };
  const onKeyDown = useTreeKeys({ ...props, cursorAt, moveTo, scroller });
  useSelectionInView(selected, indexOf, (at) => {
    // In the middle there is room for what lies around it, and for what a folder holds.
    const { startIndex = 0, endIndex = -1 } = virtual.range ?? {};
    if (at < startIndex || at >= endIndex) virtual.scrollToIndex(at, { align: "center" });
  });
  useMoreInView(rows, items.at(0)?.index ?? 0, items.at(-1)?.index ?? -1, onLoadMore);

  const rowOf = (target: EventTarget): TreeRow | undefined => {
    const place = target instanceof Element ? target.closest("[data-row]") : null;
    return place === null ? undefined : rows[Number(place.getAttribute("data-row"))];
  };
  const onClick = (event: MouseEvent) => {
    const row = rowOf(event.target);
    if (row === undefined) return;
    setCursor(row.id);
    choose(row, props);
  };
  const onContextMenu = (event: MouseEvent) => {
    const row = rowOf(event.target) ?? rows[cursorAt];
    if (row === undefined || (row.kind !== "folder" && row.kind !== "key")) return;
    event.preventDefault();
    setCursor(row.id);
    const box = scroller.current
      ?.querySelector(`[data-row="${cursorAt}"]`)
      ?.getBoundingClientRect();
    const isKeyboard = event.clientX === 0 && event.clientY === 0;
    onMenu({
      row,
      x: isKeyboard ? (box?.left ?? 0) + 24 : event.clientX,
      y: isKeyboard ? (box?.bottom ?? 0) : event.clientY,
    });
  };

  return (
    <div
      ref={scroller}
      role="tree"
      aria-label={label}
      tabIndex={0}
      aria-activedescendant={cursorAt === -1 ? undefined : `${domId}${cursorAt}`}
      onKeyDown={onKeyDown}
      onClick={onClick}
      onContextMenu={onContextMenu}
      className="group/tree min-h-0 flex-1 overflow-auto outline-none focus-visible:outline-none"
    >
      <div role="presentation" className="relative" style={{ height: virtual.getTotalSize() }}>
        {items.map((item) => {
          const row = rows[item.index];
          if (row === undefined) return null;
          return (
            <div
              key={row.id}
              role="presentation"
              data-row={item.index}
              className="absolute inset-x-0 top-0"
              style={{ transform: `translateY(${item.start}px)` }}
            >
              <TreeRowView
                row={row}
                domId={`${domId}${item.index}`}
                separator={separator}
                isSelected={row.id === selected}
                hasCursor={item.index === cursorAt}
                hasDraft={row.kind === "key" && edited.has(row.key)}
                onLoadMore={onLoadMore}
              />
            </div>
          );
        })}
      </div>
    </div>
  );
}

function choose(row: TreeRow, { onOpen, onClose, onChoose, onLoadMore }: TreeListProps) {
  if (row.kind === "gap") onLoadMore(row);
  if (row.kind !== "folder" && row.kind !== "key") return;
  if (row.kind === "folder") (row.isOpen ? onClose : onOpen)(row.key);
  onChoose(row);
}

interface TreeKeysOptions extends TreeListProps {
  cursorAt: number;
  moveTo: (at: number) => void;
  scroller: React.RefObject<HTMLDivElement | null>;
}

function useTreeKeys(options: TreeKeysOptions) {
  const { rows, cursorAt, moveTo, scroller } = options;
  const typed = useRef({ text: "", at: 0 });
  return (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const pageRows = Math.floor((scroller.current?.clientHeight ?? 0) / ROW_PIXELS) - 1;
    const act = treeAct(event.key, rows, cursorAt, Math.max(1, pageRows));
    if (act !== undefined) {
      event.preventDefault();
      const row = act.act === "move" ? undefined : rows[act.at];
      if (act.act === "move") moveTo(act.to);
      else if (act.act === "choose" && row !== undefined) choose(row, options);
      else if (row?.kind === "folder") {
        (act.act === "open" ? options.onOpen : options.onClose)(row.key);
      }
      return;
    }
    if (event.key.length !== 1 || "/?".includes(event.key)) return;
    const isFresh = event.timeStamp - typed.current.at > TYPED_MS;
    typed.current = {
      text: (isFresh ? "" : typed.current.text) + event.key,
      at: event.timeStamp,
    };
    const found = typeAhead(rows.map(labelOf), Math.max(0, cursorAt), typed.current.text);
    if (found === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    moveTo(found);
  };
}

function labelOf(row: TreeRow): string {
  return row.kind === "folder" || row.kind === "key" ? formatKey(decodeBase64(row.name)) : "";
}

function useSelectionInView(
  selected: string | null,
  indexOf: ReadonlyMap<string, number>,
  scrollTo: (at: number) => void,
) {
  const shown = useRef<string | null>(null);
  useEffect(() => {
    if (selected === null || shown.current === selected) return;
    const at = indexOf.get(selected);
    if (at === undefined) return;
    shown.current = selected;
    scrollTo(at);
  });
}

function useMoreInView(
  rows: readonly TreeRow[],
  first: number,
  last: number,
  onLoadMore: (note: NoteRow) => void,
) {
  useEffect(() => {
    for (const row of rows.slice(first, last + 1)) if (row.kind === "more") onLoadMore(row);
  }, [rows, first, last, onLoadMore]);
}
