import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { ApiError } from './api/client.ts';
import { App } from './shell/app.tsx';
import { FailureBoundary } from './widgets/failure-boundary.tsx';

const client = new QueryClient({
  defaultOptions: {
    queries: {
      refetchOnWindowFocus: false,
      staleTime: 10_000,
      // What the server refused it refuses again; what did not arrive may arrive.
      retry: (failures, error) => !(error instanceof ApiError && error.httpStatus < 500) && failures < 2,
    },
  },
});

const root = document.getElementById('root');
if (root !== null) {
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={client}>
        <FailureBoundary>
          <App />
        </FailureBoundary>
      </QueryClientProvider>
    </StrictMode>,
  );
}
