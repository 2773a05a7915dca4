"use client";

import { PageFailure } from "@/components/shell/page-failure";

export default function ErrorPage({ error, reset }: { error: Error; reset: () => void }) {
  return (
    <main className="h-dvh">
      <PageFailure error={error} retry={reset} />
    </main>
  );
}
