/** A policy that an import puts together: groups made and named where a rule needs them, rules named once. */
import {
  ANY,
  type PolicyAction,
  type PolicyDocument,
  type PolicyGroup,
  type PolicyRule,
} from './policy-document.ts';

export interface DraftEnd {
  readonly members: readonly string[];
  /** What to call them; without a name, several members are called after the rule. */
  readonly name: string | undefined;
}

export interface DraftRule {
  readonly name: string;
  readonly from: DraftEnd;
  readonly to: DraftEnd;
  readonly services: readonly string[];
  readonly action: PolicyAction;
  readonly expected?: boolean;
  readonly firewall?: string;
  readonly comment?: string;
}

export class PolicyDraft {
  readonly groups: PolicyGroup[] = [];
  readonly rules: PolicyRule[] = [];

  add({ from, to, name, services, ...rest }: DraftRule): void {
    const own = this.#free(name, this.rules);
    this.rules.push({
      name: own,
      from: this.#end(from, `${own} from`),
      to: this.#end(to, `${own} to`),
      services,
      ...rest,
    });
  }

  document(byDefault: PolicyAction, name: string): PolicyDocument {
    return { version: 1, name, groups: this.groups, services: [], rules: this.rules, default: byDefault };
  }

  #end({ members, name }: DraftEnd, byDefault: string): readonly string[] {
    const [only] = members;
    if (name === undefined && members.length === 1 && only !== undefined) return [only];
    if (members.includes(ANY)) return [ANY];
    const key = [...members].sort().join();
    const known = this.groups.find(
      (group) => [...group.members].sort().join() === key && (name === undefined || group.name === name),
    );
    if (known !== undefined) return [known.name];
    const group = { name: this.#free(name ?? byDefault, this.groups), members };
    this.groups.push(group);
    return [group.name];
  }

  #free(name: string, taken: readonly { readonly name: string }[]): string {
    const isTaken = (candidate: string) => candidate === ANY || taken.some((each) => each.name === candidate);
    if (!isTaken(name)) return name;
    for (let number = 2; ; number += 1) {
      if (!isTaken(`${name} (${number})`)) return `${name} (${number})`;
    }
  }
}
