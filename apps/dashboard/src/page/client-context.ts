import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { ApiClient } from '../api/client.js';
import type { PageSession } from '../api/session.js';

/** What every view may use. */
export interface PageTools {
  client: ApiClient;
  session: PageSession;
}

export const ToolsContext = createContext<PageTools | undefined>(undefined);

export function useTools(): PageTools {
  const tools = useContext(ToolsContext);
  if (!tools) throw new Error('A view stands outside of the page.');
  return tools;
}
