import { CircleAlert, CircleCheck, Info, TriangleAlert } from "lucide-react";
import type { ReactNode } from "react";
import { cn } from "@/components/ui/class-names";

const looks = {
  info: { box: "border-accent-line bg-accent-soft", ink: "text-accent", Icon: Info },
  good: { box: "border-good-line bg-good-soft", ink: "text-good", Icon: CircleCheck },
  warn: { box: "border-warn-line bg-warn-soft", ink: "text-warn", Icon: TriangleAlert },
  bad: { box: "border-bad-line bg-bad-soft", ink: "text-bad", Icon: CircleAlert },
};

interface NoticeProps {
  tone: keyof typeof looks;
  title: ReactNode;
  children?: ReactNode;
  actions?: ReactNode;
  className?: string;
}

/** A sentence that the reader must not miss, with what to do about it. */
export function Notice({ tone, title, children, actions, className }: NoticeProps) {
  const { box, ink, Icon } = looks[tone];
  return (
    <div
      role={tone === "bad" ? "alert" : "status"}
      className={cn("flex items-start gap-2.5 rounded-md border px-3 py-2", box, className)}
    >
      <Icon aria-hidden className={cn("mt-0.5 size-4 shrink-0", ink)} />
      <div className="min-w-0 flex-1">
        <div className="font-medium break-words text-ink">{title}</div>
        {children === undefined ? null : (
          <div className="text-xs break-words text-ink-2">{children}</div>
        )}
      </div>
      {actions === undefined ? null : (
        <div className="flex shrink-0 flex-wrap items-center gap-2">{actions}</div>
      )}
    </div>
  );
}

interface BlankProps {
  icon: ReactNode;
  title: ReactNode;
  children?: ReactNode;
  actions?: ReactNode;
  className?: string;
}

/** Fills a region that has nothing to show, and says why. */
export function Blank({ icon, title, children, actions, className }: BlankProps) {
  return (
    <div
      className={cn(
        "flex h-full flex-col items-center justify-center gap-3 p-8 text-center",
        className,
      )}
    >
      <div className="flex size-10 items-center justify-center rounded-lg border bg-raised text-ink-3 shadow-shade [&_svg]:size-5">
        {icon}
      </div>
      <div className="max-w-sm">
        <div className="font-medium">{title}</div>
        {children === undefined ? null : (
          <div className="mt-1 text-sm break-words text-ink-2">{children}</div>
        )}
      </div>
      {actions === undefined ? null : (
        <div className="flex flex-wrap justify-center gap-2">{actions}</div>
      )}
    </div>
  );
}
