"use client";

import { useEffect, useRef } from "react";
import type { WriteOutcome } from "@/components/keys/write-outcome";
import { useToaster } from "@/components/ui/toast";
import { formatKey } from "@/lib/browser/key-text";

/** Whether what has begun here outlasts the page: true once that was left. */
export function useIsLeft(): { readonly current: boolean } {
  const isLeft = useRef(false);
  useEffect(() => {
    isLeft.current = false;
    return () => {
      isLeft.current = true;
    };
  }, []);
  return isLeft;
}

/** Of what outlasts its dialog, with which its page was left. */
export function useTellOnceLeft(): (outcome: WriteOutcome, key: Uint8Array) => void {
  const toaster = useToaster();
  const isLeft = useIsLeft();
  return ({ tone, title, text }, key) => {
    if (!isLeft.current) return;
    const about = formatKey(key);
    const whole = text === undefined ? about : `${about}: ${text}`;
    if (tone === "good") toaster.done(title, whole);
    else toaster.failed(title, whole);
  };
}
