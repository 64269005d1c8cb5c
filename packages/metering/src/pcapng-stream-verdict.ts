/**
 * What became of a packet in a pcapng stream, by the options of its block (draft-ietf-opsawg-pcapng section
 * 4.3.1):
 *
 * epb_verdict (7)   0 + octets that only the hardware understands: says nothing here
 *                   1 + 8 octets: TC_ACT_… of Linux eBPF TC; SHOT (2) is a drop
 *                   2 + 8 octets: XDP_… of Linux eBPF XDP; DROP (1) and ABORTED (0) are drops
 * opt_comment (1)   words `verdict=drop`, `rule=NAME`, `reason=AccessControl|Trust|Other`, in any order and
 *                   among others; a NAME with blanks stands in double quotes
 *
 * A packet is dropped when either says so. A comment's rule and reason say by what and why; without them it
 * is the interface's name, and Other.
 */
import { DROP_REASON_OTHER, DROP_REASONS } from './drop-reason.ts';
import { eachOption, optionText } from './pcapng-parser.ts';

const OPTION_COMMENT = 1;
const OPTION_EPB_VERDICT = 7;
const VERDICT_LINUX_TC = 1;
const VERDICT_LINUX_XDP = 2;
const TC_ACT_SHOT = 2;
const XDP_ABORTED = 0;
const XDP_DROP = 1;

/** A rule's name, quotes and the words around it; the rest of a longer comment is prose. */
const COMMENT_OCTETS_MAX = 512;
/** Programs say the same few things again and again; a table of comments above this begins anew. */
const COMMENTS_REMEMBERED_MAX = 1024;
const WORD = /(?:^|\s)(verdict|rule|reason)=(?:"([^"]*)"|(\S*))/gi;

interface CommentedVerdict {
  readonly isDropped: boolean;
  readonly ruleName: string | undefined;
  readonly reason: number;
}

const NO_COMMENT: CommentedVerdict = { isDropped: false, ruleName: undefined, reason: DROP_REASON_OTHER };

export class PcapngVerdict {
  isDropped = false;
  /** Undefined where no comment names one. */
  ruleName: string | undefined;
  /** DROP_REASON_…. */
  reason = DROP_REASON_OTHER;
  readonly #known = new Map<string, CommentedVerdict>();

  /** Reads the options from `position` to `end`. */
  read(view: DataView, position: number, end: number, littleEndian: boolean): void {
    let commented = NO_COMMENT;
    let isDropped = false;
    eachOption(view, position, end, littleEndian, (code, at, length) => {
      if (code === OPTION_EPB_VERDICT && isDrop(view, at, length, littleEndian)) isDropped = true;
      if (code === OPTION_COMMENT) {
        commented = this.#ofComment(optionText(view, at, Math.min(length, COMMENT_OCTETS_MAX)));
      }
    });
    this.isDropped = isDropped || commented.isDropped;
    this.ruleName = commented.ruleName;
    this.reason = commented.reason;
  }

  #ofComment(comment: string): CommentedVerdict {
    const known = this.#known.get(comment);
    if (known !== undefined) return known;
    if (this.#known.size >= COMMENTS_REMEMBERED_MAX) this.#known.clear();
    const verdict = parseComment(comment);
    this.#known.set(comment, verdict);
    return verdict;
  }
}

function isDrop(view: DataView, at: number, length: number, littleEndian: boolean): boolean {
  if (length < 9) return false;
  const type = view.getUint8(at);
  // Negative TC actions have a high word that no action has.
  const high = view.getUint32(littleEndian ? at + 5 : at + 1, littleEndian);
  const action = view.getUint32(littleEndian ? at + 1 : at + 5, littleEndian);
  if (high !== 0) return false;
  if (type === VERDICT_LINUX_TC) return action === TC_ACT_SHOT;
  return type === VERDICT_LINUX_XDP && (action === XDP_DROP || action === XDP_ABORTED);
}

function parseComment(comment: string): CommentedVerdict {
  const words = new Map<string, string>();
  for (const [, key = '', quoted, plain = ''] of comment.matchAll(WORD)) {
    words.set(key.toLowerCase(), quoted ?? plain);
  }
  return {
    isDropped: words.get('verdict')?.toLowerCase() === 'drop',
    ruleName: words.get('rule'),
    reason: reasonOf(words.get('reason')?.toLowerCase()),
  };
}

function reasonOf(name: string | undefined): number {
  const entry = Object.entries(DROP_REASONS).find(([known]) => known.toLowerCase() === name);
  return entry?.[1] ?? DROP_REASON_OTHER;
}
