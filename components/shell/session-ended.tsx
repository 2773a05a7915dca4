"use client";

import { usePathname, useSearchParams } from "next/navigation";
import { useSyncExternalStore } from "react";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { useDrafts } from "@/lib/browser/drafts";
import { useIsPageKept } from "@/lib/browser/kept-page";
import { clearSessionEnd, hasSessionEnded, subscribeSessionEnd } from "@/lib/browser/session-end";

/** Asks to sign in again: in another tab where this one holds what would be lost. */
export function SessionEnded() {
  const hasEnded = useSyncExternalStore(subscribeSessionEnd, hasSessionEnded, () => false);
  const hasDrafts = useDrafts().size > 0;
  const isPageKept = useIsPageKept();
  const here = `${usePathname()}?${useSearchParams()}`;
  const login = `/login?callbackUrl=${encodeURIComponent(here)}`;
  return (
    <Dialog
      open={hasEnded}
      onOpenChange={(open) => {
        if (!open) clearSessionEnd();
      }}
      size="sm"
      title="Your session has ended"
      description={
        hasDrafts
          ? "Sign in again in another tab, then come back here: your unsaved edits stay in this one."
          : isPageKept
            ? "Sign in again in another tab, then come back here: what is on this page stays."
            : "Sign in again to go on where you are."
      }
      footer={
        hasDrafts || isPageKept ? (
          <>
            <Button onClick={clearSessionEnd}>I have signed in</Button>
            <Button asChild tone="primary">
              <a href="/login" target="_blank" rel="noopener">
                Sign in in a new tab
              </a>
            </Button>
          </>
        ) : (
          <Button asChild tone="primary">
            <a href={login}>Sign in</a>
          </Button>
        )
      }
    />
  );
}
