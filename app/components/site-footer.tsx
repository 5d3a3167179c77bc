export function SiteFooter() {
  return (
    <footer className="mt-16 border-t border-line">
      <div className="mx-auto grid max-w-6xl gap-x-10 gap-y-3 px-4 py-8 text-sm text-muted sm:grid-cols-2 sm:px-6">
        <p>
          <strong className="font-medium text-ink">One local user.</strong> Until accounts exist, whoever
          opens this site on the machine it runs on is its one user: jobs and owner tokens are shared.
          Visitors from elsewhere can look and contribute.
        </p>
        <p>
          <strong className="font-medium text-ink">Inputs are not confidential.</strong> Agents see what they
          compute. Do not submit data that must stay secret.
        </p>
      </div>
    </footer>
  )
}
