/** Holds the place of a page while the server answers. */
export function PageSkeleton() {
  return (
    <div role="status" aria-label="Loading" className="working">
      <div className="h-9 w-64 max-w-full rounded-sm bg-sunken" />
      <div className="mt-4 h-4 w-full max-w-xl rounded-sm bg-sunken" />
      <div className="mt-8 grid gap-4 sm:grid-cols-2">
        <div className="h-48 rounded-sm border border-line bg-panel" />
        <div className="h-48 rounded-sm border border-line bg-panel" />
      </div>
      <span className="sr-only">Loading</span>
    </div>
  )
}
