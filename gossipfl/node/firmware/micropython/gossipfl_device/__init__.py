"""A board that runs MicroPython takes part in a gossipfl cluster through its gateway.

    agent = Agent(SerialPort(UART(1, 115200)), RowFile("rows.bin", inputs=64, classes=10))
    if not agent.enrolled:
        agent.enrol("code-that-the-gateway-printed")
    while True:
        agent.poll()

Plain MicroPython; docs/device-protocol.md says what it speaks with the gateway.
"""
