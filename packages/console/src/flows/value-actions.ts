import { createContext, use } from 'react';
import type { DimensionValue } from '../api/contract.ts';

/** What can be done with a value wherever it stands; the shell provides it. */
export interface ValueActions {
  /** Asks only for flows with these values, or only for those without. */
  filterBy: (dimensions: readonly string[], values: readonly DimensionValue[], exclude: boolean) => void;
  /** Opens the menu of a value at a place in the window. */
  openMenu: (dimension: string, value: DimensionValue, at: { x: number; y: number }) => void;
}

const NOTHING: ValueActions = { filterBy: () => {}, openMenu: () => {} };
const ValueActionsContext = createContext<ValueActions>(NOTHING);
export const ValueActionsProvider = ValueActionsContext.Provider;
export const useValueActions = (): ValueActions => use(ValueActionsContext);
