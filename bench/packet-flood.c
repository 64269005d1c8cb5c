/*
 * Sends small UDP packets out of one interface at a steady rate: the load of `npm run bench -- live`.
 *
 *   packet-flood INTERFACE PACKETS PACKETS_PER_SECOND FLOWS TRAIN
 *
 * PACKETS go to FLOWS flows in turn (source address 10.x.y.z and source port tell them apart), TRAIN packets
 * to a flow before the next one's turn. Each is an Ethernet frame of 60 octets (64 with its checksum) with an
 * IPv4 packet of 46. A train is handed over as one large packet that the kernel cuts up before the interface
 * (which is why checksum offload is switched off: veth would pass it on whole); that makes sending cheap
 * enough for one processor to send more than 1 M packets/s. A rate that the machine does not reach is no error, it
 * shows in what is printed as one JSON line: {"sent":...,"seconds":...,"cpuSeconds":...}. Needs CAP_NET_RAW
 * and CAP_NET_ADMIN.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

/* Linux 6.2 and later; older headers do not name it. */
#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4 5
#endif

enum { HEADERS_OCTETS = 42, PAYLOAD_OCTETS = 18, TRAIN_MAX = 64, TRAINS = 32, SOURCE = 26, CHECKSUM = 24 };

struct train {
  struct virtio_net_hdr offload;
  uint8_t octets[HEADERS_OCTETS + TRAIN_MAX * PAYLOAD_OCTETS];
} __attribute__((packed));

/* Ethernet to a station that is nobody's, IPv4 without options, UDP to port 4000. */
static const uint8_t HEADERS[HEADERS_OCTETS] = {
    0x02, 0, 0, 0, 0, 0xbb, 0x02, 0, 0, 0, 0, 0xaa, 0x08, 0x00,
    0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 17, 0, 0, 10, 0, 0, 0, 192, 0, 2, 1,
    0, 0, 0x0f, 0xa0, 0, 0, 0, 0,
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

static void put16(uint8_t *octets, unsigned value) {
  octets[0] = value >> 8;
  octets[1] = value;
}

static uint32_t sum16(const uint8_t *octets, int count) {
  uint32_t sum = 0;
  for (int at = 0; at < count; at += 2) sum += octets[at] << 8 | octets[at + 1];
  return sum;
}

static uint16_t fold(uint32_t sum) {
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return sum;
}

/* One flow a number below 2^30: 1,024 ports times the addresses from 10.0.0.0 on. Returns the octets. */
static int fill(struct train *train, uint32_t flow, int packets) {
  uint8_t *octets = train->octets;
  uint32_t source = htonl(0x0a000000u + (flow >> 10));
  int udp = 8 + packets * PAYLOAD_OCTETS;
  memcpy(octets + SOURCE, &source, 4);
  put16(octets + 34, 10000 + (flow & 1023));
  put16(octets + 16, 20 + udp);
  put16(octets + 38, udp);
  put16(octets + CHECKSUM, 0);
  put16(octets + CHECKSUM, ~fold(sum16(octets + 14, 20)));
  /* The kernel completes the checksum of the pseudo header in each packet that it cuts off. */
  put16(octets + 40, fold(sum16(octets + SOURCE, 8) + 17 + udp));
  train->offload.gso_type = packets > 1 ? VIRTIO_NET_HDR_GSO_UDP_L4 : VIRTIO_NET_HDR_GSO_NONE;
  return sizeof train->offload + HEADERS_OCTETS + packets * PAYLOAD_OCTETS;
}

static int open_socket(const char *interface) {
  int fd = socket(AF_PACKET, SOCK_RAW, 0);
  struct sockaddr_ll local = {.sll_family = AF_PACKET, .sll_ifindex = if_nametoindex(interface)};
  int on = 1;
  struct ethtool_value no_checksums = {.cmd = ETHTOOL_STXCSUM, .data = 0};
  struct ifreq request = {.ifr_data = (char *)&no_checksums};
  strncpy(request.ifr_name, interface, IFNAMSIZ - 1);
  if (fd < 0 || local.sll_ifindex == 0 || bind(fd, (struct sockaddr *)&local, sizeof local) != 0 ||
      setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof on) != 0 ||
      ioctl(fd, SIOCETHTOOL, &request) != 0) {
    perror(interface);
    exit(1);
  }
  return fd;
}

int main(int count, char **arguments) {
  if (count != 6 || atoi(arguments[5]) < 1 || atoi(arguments[5]) > TRAIN_MAX) {
    fprintf(stderr, "usage: packet-flood INTERFACE PACKETS PACKETS_PER_SECOND FLOWS TRAIN(1-%d)\n", TRAIN_MAX);
    return 2;
  }
  uint64_t packets = strtoull(arguments[2], NULL, 10);
  double rate = atof(arguments[3]);
  uint32_t flows = strtoul(arguments[4], NULL, 10);
  uint64_t train_max = atoi(arguments[5]);
  int fd = open_socket(arguments[1]);
  static struct train trains[TRAINS];
  struct iovec vectors[TRAINS];
  struct mmsghdr messages[TRAINS] = {0};
  for (int i = 0; i < TRAINS; i++) {
    trains[i].offload = (struct virtio_net_hdr){.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
                                                .hdr_len = HEADERS_OCTETS,
                                                .gso_size = PAYLOAD_OCTETS,
                                                .csum_start = 34,
                                                .csum_offset = 6};
    memcpy(trains[i].octets, HEADERS, HEADERS_OCTETS);
    vectors[i].iov_base = &trains[i];
    messages[i].msg_hdr = (struct msghdr){.msg_iov = &vectors[i], .msg_iovlen = 1};
  }
  uint32_t flow = 0;
  uint64_t sent = 0;
  double start = now();
  while (sent < packets) {
    while (now() < start + sent / rate) {
    }
    int batch = 0;
    for (; batch < TRAINS && sent < packets; batch++) {
      int train = packets - sent < train_max ? packets - sent : train_max;
      vectors[batch].iov_len = fill(&trains[batch], flow, train);
      flow = flow + 1 == flows ? 0 : flow + 1;
      sent += train;
    }
    for (int done = 0; done < batch;) {
      int taken = sendmmsg(fd, messages + done, batch - done, 0);
      if (taken > 0) done += taken;
      else if (errno != ENOBUFS && errno != EAGAIN && errno != EINTR) {
        perror("sendmmsg");
        return 1;
      }
    }
  }
  printf("{\"sent\":%llu,\"seconds\":%.3f,\"cpuSeconds\":%.2f}\n", (unsigned long long)sent, now() - start,
         cpu_seconds());
  return 0;
}
