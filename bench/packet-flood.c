/*
 * Sends small UDP packets out of one interface at a steady rate: the load of `npm run bench -- live`.
 *
 *   packet-flood INTERFACE PACKETS PACKETS_PER_SECOND FLOWS
 *
 * PACKETS are dealt to FLOWS flows in turn (source address 10.x.y.z and source port tell them apart), each
 * an Ethernet frame of 60 octets (64 with its checksum) that carries an IPv4 packet of 46. Sending ends after
 * PACKETS; a rate that the machine does not reach is no error, it shows in what is printed as one JSON line:
 * {"sent":…,"seconds":…,"cpuSeconds":…}. Needs CAP_NET_RAW.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

enum { FRAME_OCTETS = 60, BATCH = 64 };

/* Ethernet to a station that is nobody's, IPv4 without options, UDP of 18 octets to port 4000. */
static const uint8_t FRAME[FRAME_OCTETS] = {
    0x02, 0, 0, 0, 0, 0xbb, 0x02, 0, 0, 0, 0, 0xaa, 0x08, 0x00,
    0x45, 0, 0, 46, 0, 0, 0x40, 0, 64, 17, 0, 0, 10, 0, 0, 0, 192, 0, 2, 1,
    0, 0, 0x0f, 0xa0, 0, 26, 0, 0,
};

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec / 1e9;
}

static double cpu_seconds(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec +
         (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* One flow a number below 2^30: 1,024 ports times addresses of 10.0.0.0/12. */
static void address(uint8_t *frame, uint32_t flow) {
  uint32_t source = htonl(0x0a000000u + (flow >> 10));
  uint16_t port = htons(10000 + (flow & 1023));
  memcpy(frame + 26, &source, 4);
  memcpy(frame + 34, &port, 2);
  uint32_t sum = 0;
  frame[24] = frame[25] = 0;
  for (int at = 14; at < 34; at += 2) sum += frame[at] << 8 | frame[at + 1];
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  frame[24] = ~sum >> 8;
  frame[25] = ~sum;
}

static int open_socket(const char *interface) {
  int fd = socket(AF_PACKET, SOCK_RAW, 0);
  struct sockaddr_ll local = {.sll_family = AF_PACKET, .sll_ifindex = if_nametoindex(interface)};
  if (fd < 0 || local.sll_ifindex == 0 || bind(fd, (struct sockaddr *)&local, sizeof local) != 0) {
    perror(interface);
    exit(1);
  }
  int on = 1;
  setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof on);
  return fd;
}

int main(int count, char **arguments) {
  if (count != 5) {
    fprintf(stderr, "usage: packet-flood INTERFACE PACKETS PACKETS_PER_SECOND FLOWS\n");
    return 2;
  }
  uint64_t packets = strtoull(arguments[2], NULL, 10);
  double rate = atof(arguments[3]);
  uint32_t flows = strtoul(arguments[4], NULL, 10);
  int fd = open_socket(arguments[1]);
  static uint8_t frames[BATCH][FRAME_OCTETS];
  struct iovec vectors[BATCH];
  struct mmsghdr messages[BATCH] = {0};
  for (int i = 0; i < BATCH; i++) {
    memcpy(frames[i], FRAME, FRAME_OCTETS);
    vectors[i] = (struct iovec){.iov_base = frames[i], .iov_len = FRAME_OCTETS};
    messages[i].msg_hdr = (struct msghdr){.msg_iov = &vectors[i], .msg_iovlen = 1};
  }
  uint32_t flow = 0;
  uint64_t sent = 0;
  double start = now();
  while (sent < packets) {
    while (now() < start + sent / rate) {
    }
    int batch = packets - sent < BATCH ? packets - sent : BATCH;
    for (int i = 0; i < batch; i++) {
      address(frames[i], flow);
      flow = flow + 1 == flows ? 0 : flow + 1;
    }
    for (int done = 0; done < batch;) {
      int taken = sendmmsg(fd, messages + done, batch - done, 0);
      if (taken > 0) done += taken;
      else if (errno != ENOBUFS && errno != EAGAIN && errno != EINTR) {
        perror("sendmmsg");
        return 1;
      }
    }
    sent += batch;
  }
  printf("{\"sent\":%llu,\"seconds\":%.3f,\"cpuSeconds\":%.2f}\n", (unsigned long long)sent, now() - start,
         cpu_seconds());
  return 0;
}
