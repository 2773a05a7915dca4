"use client";

import Link from "next/link";
import { AREA_GROUPS, type Area } from "@/components/shell/areas";
import { BrandMark } from "@/components/shell/brand";
import { useAreaHref, useCurrentArea } from "@/components/shell/cluster";
import { cn } from "@/components/ui/class-names";
import { Tooltip } from "@/components/ui/tooltip";

export function Sidebar() {
  const href = useAreaHref();
  const current = useCurrentArea();
  return (
    <nav
      aria-label="Areas"
      className="flex h-full w-13 shrink-0 flex-col border-r bg-canvas lg:w-52"
    >
      <Link
        href={href("overview")}
        className="flex h-12 items-center gap-2.5 px-3.5 lg:px-4"
        aria-label="Quorate, overview"
      >
        <BrandMark className="size-6" />
        <span className="hidden text-base font-semibold tracking-tight lg:block">Quorate</span>
      </Link>
      <div className="flex flex-col gap-4 px-2 pt-2">
        {AREA_GROUPS.map((group) => (
          <div key={group.label}>
            <div className="hidden px-2 pb-1 text-2xs font-medium text-ink-3 lg:block">
              {group.label}
            </div>
            <ul className="flex flex-col gap-0.5">
              {group.areas.map((area) => (
                <li key={area.name}>
                  <AreaLink area={area} href={href(area.name)} isCurrent={current === area.name} />
                </li>
              ))}
            </ul>
          </div>
        ))}
      </div>
    </nav>
  );
}

interface AreaLinkProps {
  area: Area;
  href: string;
  isCurrent: boolean;
}

function AreaLink({ area, href, isCurrent }: AreaLinkProps) {
  return (
    <Tooltip label={area.label} side="right">
      <Link
        href={href}
        aria-current={isCurrent ? "page" : undefined}
        className={cn(
          "flex h-8 items-center justify-center gap-2.5 rounded-md px-2 text-sm font-medium transition-colors lg:justify-start",
          isCurrent
            ? "bg-raised text-ink shadow-shade ring-1 ring-line"
            : "text-ink-2 hover:bg-hover hover:text-ink",
        )}
      >
        <area.Icon
          aria-hidden
          className={cn("size-4 shrink-0", isCurrent ? "text-accent" : "text-ink-3")}
        />
        <span className="sr-only lg:not-sr-only">{area.label}</span>
      </Link>
    </Tooltip>
  );
}
