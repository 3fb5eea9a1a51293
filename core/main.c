/* The program: hands its arguments to the command line. */
int main(void)
{
    return 1;
}
