"use client";

import { usePathname, useRouter, useSearchParams } from "next/navigation";
import { type ReactNode, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { AREAS } from "@/components/shell/areas";
import { useAreaHref } from "@/components/shell/cluster";
import { CommandPalette } from "@/components/shell/command-palette";
import { type Shell, ShellContext } from "@/components/shell/shell-context";
import { isTyping } from "@/components/shell/shortcuts";
import { ShortcutsDialog } from "@/components/shell/shortcuts-dialog";
import { useSessionUse } from "@/components/shell/use-session-use";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { useToaster } from "@/components/ui/toast";
import { returnFocus } from "@/components/ui/use-focus-return";
import { useDrafts } from "@/lib/browser/drafts";
import { plural } from "@/lib/browser/format";
import { errorText } from "@/lib/browser/request";
import { signOut as endSession } from "@/lib/browser/sign-in";
import { guardUnload } from "@/lib/browser/unload-guard";

/** "g" and the area's letter must follow each other within this time. */
const CHORD_MS = 1_200;

type Overlay = "palette" | "shortcuts" | "leave" | null;

export function ShellProvider({ children }: { children: ReactNode }) {
  const [overlay, setOverlay] = useState<Overlay>(null);
  const draftCount = useDrafts().size;
  const leave = useLeave();
  const shell = useMemo<Shell>(
    () => ({
      openPalette: () => setOverlay("palette"),
      openShortcuts: () => setOverlay("shortcuts"),
      signOut: () => {
        if (draftCount > 0) setOverlay("leave");
        else void leave();
      },
    }),
    [draftCount, leave],
  );
  useShortcuts(shell);
  useSessionUse();
  useUnloadGuard(draftCount > 0);
  useFocusOnPage();
  const bind = (name: Overlay) => ({
    open: overlay === name,
    onOpenChange: (open: boolean) => setOverlay(open ? name : null),
  });
  return (
    <ShellContext value={shell}>
      {children}
      <CommandPalette {...bind("palette")} />
      <ShortcutsDialog {...bind("shortcuts")} />
      <Dialog
        {...bind("leave")}
        size="sm"
        title="Sign out and lose edits?"
        description={`${plural(draftCount, "edited value is", "edited values are")} not saved.`}
        footer={
          <>
            <Button onClick={() => setOverlay(null)}>Stay</Button>
            <Button
              tone="danger"
              onClick={() => {
                setOverlay(null);
                void leave();
              }}
            >
              Sign out
            </Button>
          </>
        }
      />
    </ShellContext>
  );
}

/** Signs out; where that fails, the session goes on and so does the page. */
function useLeave(): () => Promise<void> {
  const toaster = useToaster();
  return useCallback(async () => {
    try {
      await endSession();
      window.location.assign("/login");
    } catch (error) {
      toaster.failed("Not signed out", errorText(error));
    }
  }, [toaster]);
}

function useShortcuts(shell: Shell) {
  const router = useRouter();
  const href = useAreaHref();
  const chordAt = useRef(0);
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      if ((event.metaKey || event.ctrlKey) && event.key.toLowerCase() === "k") {
        event.preventDefault();
        shell.openPalette();
        return;
      }
      if (event.metaKey || event.ctrlKey || event.altKey || isTyping(event)) return;
      const area = AREAS.find(({ shortcut }) => shortcut === event.key);
      if (event.timeStamp - chordAt.current < CHORD_MS && area !== undefined) {
        event.preventDefault();
        chordAt.current = 0;
        router.push(href(area.name));
      } else if (event.key === "g") chordAt.current = event.timeStamp;
      else if (event.key === "?") shell.openShortcuts();
      else if (event.key === "/") {
        const field = document.querySelector<HTMLInputElement>("[data-page-search]");
        if (field === null) return;
        event.preventDefault();
        field.focus();
        field.select();
      }
    };
    window.addEventListener("keydown", onKeyDown);
    return () => window.removeEventListener("keydown", onKeyDown);
  }, [shell, router, href]);
}

function useUnloadGuard(isActive: boolean) {
  useEffect(() => (isActive ? guardUnload() : undefined), [isActive]);
}

/** Where the address has changed, what had focus may have gone with what was shown before. */
function useFocusOnPage() {
  const here = `${usePathname()}?${useSearchParams()}`;
  const seen = useRef(here);
  useEffect(() => {
    if (seen.current === here) return;
    seen.current = here;
    returnFocus(null);
  }, [here]);
}
