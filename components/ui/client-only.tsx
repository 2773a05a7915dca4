"use client";

import type { ReactNode } from "react";
import { useHydrated } from "@/components/ui/use-hydrated";

interface ClientOnlyProps {
  fallback?: ReactNode;
  children: ReactNode;
}

/**
 * Draws its children in the browser only. The content security policy forbids style attributes in
 * HTML; what sets sizes and places as it runs must not be rendered on the server.
 */
export function ClientOnly({ fallback, children }: ClientOnlyProps) {
  return useHydrated() ? children : fallback;
}
