"use client";

import { useEffect, useRef } from "react";

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
