import { Component, type ReactNode } from 'react';

/** Shows what went wrong instead of a blank page when something below cannot be drawn. */
export class FailureBoundary extends Component<{ children: ReactNode }, { failure: string | undefined }> {
  override state = { failure: undefined as string | undefined };

  static getDerivedStateFromError(error: unknown): { failure: string } {
    return { failure: String(error) };
  }

  override render(): ReactNode {
    if (this.state.failure === undefined) return this.props.children;
    return (
      <main role="alert" className="mx-auto max-w-2xl space-y-3 px-6 py-16">
        <h1 className="font-semibold text-base">The console has a fault and cannot show this page.</h1>
        <p className="wire [overflow-wrap:anywhere]">{this.state.failure}</p>
        <p className="text-ink-soft">
          Flows are still collected. The address of the page may be part of the fault.
        </p>
        <a href="/" className="inline-block rounded-md bg-accent px-3 py-1.5 font-medium text-accent-ink">
          Start over
        </a>
      </main>
    );
  }
}
