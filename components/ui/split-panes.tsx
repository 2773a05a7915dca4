"use client";

import { type KeyboardEvent, type PointerEvent, type ReactNode, useRef, useState } from "react";
import { cn } from "@/components/ui/class-names";

const WIDTH_MIN = 220;
const WIDTH_MAX = 640;
const WIDTH_FIRST = 340;
const STEP = 16;

interface SplitPanesProps {
  label: string;
  first: ReactNode;
  second: ReactNode;
  /** Which one is shown where both do not fit. */
  narrow: "first" | "second";
}

export function SplitPanes({ label, first, second, narrow }: SplitPanesProps) {
  const [width, setWidth] = useState(WIDTH_FIRST);
  const box = useRef<HTMLDivElement>(null);
  const set = (next: number) => setWidth(Math.max(WIDTH_MIN, Math.min(WIDTH_MAX, next)));
  const onPointerMove = (event: PointerEvent<HTMLButtonElement>) => {
    if (!event.currentTarget.hasPointerCapture(event.pointerId)) return;
    set(event.clientX - (box.current?.getBoundingClientRect().left ?? 0));
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
    event.preventDefault();
    set(width + (event.key === "ArrowLeft" ? -STEP : STEP));
  };
  return (
    <div ref={box} className="flex min-h-0 flex-1">
      <div
        className={cn(
          "min-w-0 shrink-0 max-sm:w-full! max-lg:max-w-[42%] max-sm:max-w-none",
          narrow === "second" && "max-sm:hidden",
        )}
        style={{ width }}
      >
        {first}
      </div>
      <button
        type="button"
        aria-label={`${label}: ${width} pixels. Arrow keys change it`}
        onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
        onPointerMove={onPointerMove}
        onKeyDown={onKeyDown}
        className="relative w-px shrink-0 cursor-col-resize bg-line after:absolute after:inset-y-0 after:-left-1 after:w-2.5 hover:bg-accent focus-visible:bg-accent max-sm:hidden"
      />
      <div className={cn("min-w-0 flex-1", narrow === "first" && "max-sm:hidden")}>{second}</div>
    </div>
  );
}
