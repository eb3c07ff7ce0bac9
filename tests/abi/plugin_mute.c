/* A shared object that is no plug-in: it does not export the symbol. */
int lares_test_mute(void);

int lares_test_mute(void)
{
    return 1;
}
