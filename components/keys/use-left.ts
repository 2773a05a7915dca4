"use client";

import { useEffect, useRef } from "react";
import type { WriteOutcome } from "@/components/keys/write-outcome";
import { useToaster } from "@/components/ui/toast";

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

/** Of what outlasts its dialog, with which its page was left. `about`: the keys that it is about. */
export function useTellOnceLeft(about: string): (outcome: WriteOutcome) => void {
  const toaster = useToaster();
  const isLeft = useIsLeft();
  return ({ tone, title, text }) => {
    if (!isLeft.current) return;
    const whole = text === undefined ? about : `${about}: ${text}`;
    if (tone === "good") toaster.done(title, whole);
    else toaster.failed(title, whole);
  };
}
