"use client";

import { type ReactNode, useSyncExternalStore } from "react";

interface ClientOnlyProps {
  fallback?: ReactNode;
  children: ReactNode;
}

/**
 * Draws its children in the browser only. The content security policy forbids style attributes in
 * HTML; what sets sizes and places as it runs must not be rendered on the server.
 */
export function ClientOnly({ fallback, children }: ClientOnlyProps) {
  const isClient = useSyncExternalStore(
    subscribeNever,
    () => true,
    () => false,
  );
  return isClient ? children : fallback;
}

function subscribeNever() {
  return ignore;
}

function ignore() {}
