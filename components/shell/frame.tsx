import { type ReactNode, Suspense } from "react";
import { SessionEnded } from "@/components/shell/session-ended";
import { ShellProvider } from "@/components/shell/shell-state";
import { Sidebar } from "@/components/shell/sidebar";
import { Topbar } from "@/components/shell/topbar";

/** What surrounds every page after sign-in. */
export function Frame({ children }: { children: ReactNode }) {
  return (
    <Suspense>
      <ShellProvider>
        <a
          href="#page"
          className="sr-only z-80 rounded-md bg-accent px-3 py-1.5 text-accent-ink focus:not-sr-only focus:fixed focus:top-2 focus:left-2"
        >
          Skip to content
        </a>
        <div className="flex h-dvh">
          <Sidebar />
          <div className="flex min-w-0 flex-1 flex-col">
            <Topbar />
            <main id="page" tabIndex={-1} className="min-h-0 flex-1 outline-none">
              {children}
            </main>
          </div>
        </div>
        <SessionEnded />
      </ShellProvider>
    </Suspense>
  );
}
