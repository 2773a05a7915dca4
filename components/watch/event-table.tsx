"use client";

import { useVirtualizer } from "@tanstack/react-virtual";
import {
  type KeyboardEvent,
  type MouseEvent,
  type PointerEvent,
  useId,
  useLayoutEffect,
  useRef,
} from "react";
import { useNow } from "@/components/ui/now";
import { COLUMNS, UNLESS_NARROW, UNLESS_NARROWEST } from "@/components/watch/columns";
import { EventRowView, ROW_PIXELS } from "@/components/watch/event-row-view";
import type { FeedView } from "@/lib/browser/feed-view";
import { formatBytes, formatCount } from "@/lib/browser/format";
import { FEED_LIMITS } from "@/lib/browser/watch-feed";
import type { EventRow, WatchRow } from "@/lib/browser/watch-row";

const OVERSCAN_ROWS = 8;
/** Past midnight, rows get the day that they are of no later than this. */
const DAY_CHECK_MS = 60_000;

interface EventTableProps {
  view: FeedView;
  /** `seq` of the row whose details are open. */
  chosen: number | null;
  onChoose: (row: EventRow) => void;
}

/** Newest on top. A reader who has scrolled down keeps the same rows before the eyes. */
export function EventTable({ view, chosen, onChoose }: EventTableProps) {
  const { rows, dropped } = view;
  const scroller = useRef<HTMLDivElement>(null);
  const domId = useId();
  const now = useNow(DAY_CHECK_MS);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PIXELS,
    overscan: OVERSCAN_ROWS,
  });
  useSteadyRows(rows, scroller);
  const chosenAt = chosen === null ? -1 : rows.findIndex((row) => row.seq === chosen);

  const choose = (at: number) => {
    const row = rows[at];
    if (row?.kind !== "event") return;
    onChoose(row);
    virtual.scrollToIndex(at);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 20, PageUp: -20 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    choose(nextEvent(rows, chosenAt, step));
  };
  const onClick = ({ target }: MouseEvent) => {
    const place = target instanceof Element ? target.closest("[data-row]") : null;
    if (place !== null) choose(Number(place.getAttribute("data-row")));
  };
  // Rows move on between press and release while events come in, and then there is no click. A
  // finger may press to scroll: it waits for the click, as screen readers do, that press nothing.
  const onPointerDown = (event: PointerEvent) => {
    if (event.button === 0 && event.pointerType !== "touch") onClick(event);
  };
  // A table whose rows are chosen with the arrow keys is a grid.
  const grid = {
    role: "grid",
    tabIndex: 0,
    "aria-activedescendant": chosenAt === -1 ? undefined : `${domId}${chosenAt}`,
    onKeyDown,
    onClick,
    onPointerDown,
  };
  return (
    <>
      <HeaderRow />
      <div ref={scroller} className="min-h-0 flex-1 overflow-x-hidden overflow-y-auto">
        <table
          {...grid}
          aria-label="Events, newest first"
          aria-rowcount={rows.length}
          className="block w-full focus-visible:-outline-offset-2"
        >
          <tbody className="relative block" style={{ height: virtual.getTotalSize() }}>
            {virtual.getVirtualItems().map((item) => {
              const row = rows[item.index];
              return row === undefined ? null : (
                <EventRowView
                  key={row.seq}
                  row={row}
                  index={item.index}
                  top={item.start}
                  domId={`${domId}${item.index}`}
                  isChosen={row.seq === chosen}
                  now={now}
                />
              );
            })}
          </tbody>
        </table>
        {dropped === 0 ? null : (
          <div className="figures border-t px-3 py-1.5 text-xs text-ink-3">
            {formatCount(dropped)} older rows are no longer kept: at most{" "}
            {formatCount(FEED_LIMITS.rowsMax)} rows or {formatBytes(FEED_LIMITS.bytesMax)}. Watch
            from a revision to see them again.
          </div>
        )}
      </div>
    </>
  );
}

function HeaderRow() {
  return (
    <div
      aria-hidden
      className={`${COLUMNS} h-7 shrink-0 border-b bg-canvas text-2xs font-medium text-ink-3`}
    >
      <span>Revision</span>
      <span className={UNLESS_NARROW}>Received</span>
      <span>Change</span>
      <span>Key</span>
      <span className={UNLESS_NARROWEST}>Value</span>
      <span className={`text-right ${UNLESS_NARROW}`}>Size</span>
    </div>
  );
}

/** From `at` in steps over rows that are no events; stays where it is at the ends. */
function nextEvent(rows: readonly WatchRow[], at: number, step: number): number {
  const direction = Math.sign(step);
  let next = Math.max(0, Math.min(rows.length - 1, at === -1 ? 0 : at + step));
  while (rows[next] !== undefined && rows[next]?.kind !== "event") next += direction;
  return rows[next] === undefined ? at : next;
}

function useSteadyRows(
  rows: readonly WatchRow[],
  scroller: React.RefObject<HTMLDivElement | null>,
) {
  const newest = useRef<number | null>(null);
  useLayoutEffect(() => {
    const before = newest.current;
    newest.current = rows[0]?.seq ?? null;
    const box = scroller.current;
    if (before === null || box === null || box.scrollTop < ROW_PIXELS / 2) return;
    const added = rows.findIndex((row) => row.seq <= before);
    if (added > 0) box.scrollBy({ top: added * ROW_PIXELS });
  }, [rows, scroller]);
}
