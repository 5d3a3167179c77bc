export function SiteFooter() {
  return (
    <footer className="mt-16 border-t border-line">
      <div className="mx-auto grid max-w-6xl gap-x-10 gap-y-3 px-4 py-8 text-sm text-muted sm:grid-cols-2 sm:px-6">
        <p>
          <strong className="font-medium text-ink">One local user.</strong> Until accounts exist, everybody
          who can open this site acts as the same user: jobs, owner tokens and results are shared.
        </p>
        <p>
          <strong className="font-medium text-ink">Inputs are not confidential.</strong> Agents see what they
          compute. Do not submit data that must stay secret.
        </p>
      </div>
    </footer>
  )
}
