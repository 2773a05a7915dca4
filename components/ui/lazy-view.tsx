"use client";

import { CloudOff } from "lucide-react";
import { type ComponentType, type ReactNode, useEffect, useSyncExternalStore } from "react";
import { Button } from "@/components/ui/button";
import { Blank } from "@/components/ui/notice";

interface LazyViewOptions<Props> {
  readonly load: () => Promise<ComponentType<Props>>;
  /** What it is, at the start of a sentence. */
  readonly name: string;
  /** Takes its place until it has come. */
  readonly placeholder: ReactNode;
}

interface LazyView<Props> {
  readonly View: ComponentType<Props>;
  /** Ahead of the first one: where the connection breaks, it cannot be had any more. */
  readonly preload: () => void;
}

type Progress<Props> =
  | { readonly at: "waiting" }
  | { readonly at: "loading" }
  | { readonly at: "failed" }
  | { readonly at: "here"; readonly View: ComponentType<Props> };

/**
 * A part of the page that is loaded when it is first shown, in the browser only. Where that fails,
 * the page goes on without it, and it can be asked for again.
 */
export function lazyView<Props extends object>(options: LazyViewOptions<Props>): LazyView<Props> {
  const { load, name, placeholder } = options;
  const waiting: Progress<Props> = { at: "waiting" };
  const listeners = new Set<() => void>();
  let progress: Progress<Props> = waiting;
  const publish = (next: Progress<Props>) => {
    progress = next;
    for (const listener of listeners) listener();
  };
  const begin = async () => {
    if (progress.at === "loading" || progress.at === "here") return;
    publish({ at: "loading" });
    try {
      publish({ at: "here", View: await load() });
    } catch {
      publish({ at: "failed" });
    }
  };
  const subscribe = (listener: () => void) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  };
  function View(props: Props) {
    const now = useSyncExternalStore(
      subscribe,
      () => progress,
      () => waiting,
    );
    useEffect(() => void begin(), []);
    if (now.at === "here") return <now.View {...props} />;
    if (now.at !== "failed") return placeholder;
    return (
      <Blank
        icon={<CloudOff aria-hidden />}
        title={`${name} could not be loaded`}
        actions={<Button onClick={() => void begin()}>Try again</Button>}
      >
        The console did not send it. If that stays so, reload the page.
      </Blank>
    );
  }
  return { View, preload: () => void begin() };
}
