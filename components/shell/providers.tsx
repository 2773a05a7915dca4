"use client";

import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { ThemeProvider } from "next-themes";
import { type ReactNode, useState } from "react";
import { ToastProvider } from "@/components/ui/toast";
import { TooltipProvider } from "@/components/ui/tooltip";
import { queryDefaults } from "@/lib/browser/query-defaults";

const TOOLTIP_DELAY_MS = 400;

interface ProvidersProps {
  /** Of the page's content security policy; styles that are added later must carry it. */
  nonce: string | undefined;
  children: ReactNode;
}

export function Providers({ nonce, children }: ProvidersProps) {
  const [client] = useState(() => new QueryClient({ defaultOptions: queryDefaults }));
  if (nonce !== undefined && typeof window !== "undefined") {
    Object.assign(window, { __webpack_nonce__: nonce });
  }
  return (
    <ThemeProvider
      attribute="class"
      defaultTheme="system"
      disableTransitionOnChange
      {...(nonce === undefined ? {} : { nonce })}
    >
      <QueryClientProvider client={client}>
        <TooltipProvider delayDuration={TOOLTIP_DELAY_MS}>
          <ToastProvider>{children}</ToastProvider>
        </TooltipProvider>
      </QueryClientProvider>
    </ThemeProvider>
  );
}
