/** A Q of three members: two make the quorum, the third is its tail. */
export function BrandMark({ className }: { className?: string }) {
  return (
    <svg viewBox="0 0 24 24" fill="none" aria-hidden className={className}>
      <g strokeWidth="3.4" strokeLinecap="round">
        <path d="M13.86 3.7 A8.5 8.5 0 0 1 20.12 14.55" className="stroke-accent" />
        <path d="M17.46 18.5 A8.5 8.5 0 0 1 4.64 16.25" className="stroke-ink" />
        <path d="M3.5 12.37 A8.5 8.5 0 0 1 9.8 3.79" className="stroke-ink" />
        <path d="M15 15 L20.4 20.4" className="stroke-accent" />
      </g>
    </svg>
  );
}
