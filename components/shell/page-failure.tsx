"use client";

import { CircleAlert } from "lucide-react";
import { Button } from "@/components/ui/button";
import { Blank } from "@/components/ui/notice";

interface PageFailureProps {
  error: Error;
  retry: () => void;
}

/** A fault of the console itself, not of the cluster. */
export function PageFailure({ error, retry }: PageFailureProps) {
  return (
    <Blank
      icon={<CircleAlert aria-hidden />}
      title="This page has failed"
      actions={
        <Button tone="primary" onClick={retry}>
          Try again
        </Button>
      }
    >
      The cluster is not affected. <span className="font-mono text-xs">{error.message}</span>
    </Blank>
  );
}
