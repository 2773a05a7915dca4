"use client";

import { useCallback } from "react";
import { copyText } from "@/components/ui/copy-button";
import { useToaster } from "@/components/ui/toast";

/** Copies and says so. */
export function useCopy(): (text: string, done: string) => void {
  const toaster = useToaster();
  return useCallback(
    (text, done) => {
      void copyText(text).then((isCopied) =>
        isCopied
          ? toaster.done(done, text.length > 200 ? undefined : text)
          : toaster.failed("Not copied", "The browser did not allow it."),
      );
    },
    [toaster],
  );
}
