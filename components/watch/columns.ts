/** Header and rows stand in the same grid; time and size give way where it is narrow. */
export const COLUMNS =
  "grid grid-cols-[76px_92px_56px_minmax(0,5fr)_minmax(0,6fr)_64px] items-center gap-x-3 px-3 max-lg:grid-cols-[76px_56px_minmax(0,5fr)_minmax(0,4fr)]";
